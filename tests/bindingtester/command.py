"""The command line that the official driver starts a tester with, and what a run does from open to close."""

from __future__ import annotations

import argparse
import json
import traceback
from collections import Counter
from collections.abc import Sequence
from typing import Callable, Optional

# Importing them registers their instructions.
from . import data as data
from . import database as database

API_VERSIONS = range(710, 731)
"""found asks its library for version 730, or the newest that both know from 710 on. Between them nothing has changed
that the machine can see, so it runs a test of any of them; it refuses the others rather than pretend."""

Run = Callable[[Optional[str], bytes], Counter[str]]
"""Opens the database of a cluster file, executes the instructions under a prefix, and counts them by name."""


def main(run: Run, argv: Optional[Sequence[str]] = None) -> int:
    """Run the tester; the result is its exit code, 0 if every machine has come to its end."""
    parser = argparse.ArgumentParser(description="FoundationDB's binding tester, for found")
    parser.add_argument("prefix", help="the instructions are under the tuple (prefix,)")
    parser.add_argument("api_version", type=int, help="the API version that the test is made for")
    parser.add_argument(
        "cluster_file", nargs="?", help="what found.open is to open; its default if not given"
    )
    arguments = parser.parse_args(argv)
    if arguments.api_version not in API_VERSIONS:
        versions = f"{API_VERSIONS[0]} to {API_VERSIONS[-1]}"
        parser.error(f"API version {arguments.api_version} is not one of {versions}")
    try:
        executed = run(arguments.cluster_file, arguments.prefix.encode())
    except Exception:
        traceback.print_exc()
        return 1
    # A test that has passed because nothing ran can be told from one that ran.
    print(json.dumps({"executed": executed}, sort_keys=True), flush=True)
    return 0
