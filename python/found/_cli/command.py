"""What the subjects of the command line are given to add their commands with."""

from __future__ import annotations

import argparse
from collections.abc import Coroutine
from typing import Any, Callable, Protocol

# Does what the command line asks for, and gives the exit code.
Run = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]


class Add(Protocol):
    """Adds a command, and gives its parser for what only it takes."""

    def __call__(
        self, name: str, run: Run, short: str, description: str
    ) -> argparse.ArgumentParser: ...
