"""How a command ends: its exit code, and what it says."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Final

FAILED: Final = 1
# As argparse ends, too.
USAGE: Final = 2
DAMAGED: Final = 3
REFUSED: Final = 4
INTERRUPTED: Final = 130


def say(arguments: argparse.Namespace, sentence: str, document: Mapping[str, object]) -> None:
    """Print the result of a command: a sentence for people, or with --json an object for programs."""
    if arguments.json:
        print(json.dumps(document, ensure_ascii=False))
    else:
        print(sentence)


def megabytes(size: float) -> str:
    """A number of bytes, for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if size < 999.5 else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.3g} TB" if size < 999.5 else f"{size:,.0f} TB"
