"""Dumps and loads that are killed, again and again, and end with what would have been there without."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

import pytest
from portable_files import Rows, fill, read_file, rows_of
from processes import Program, output_of, run_program
from support import run

import found

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

# More kills on request: FOUND_KILLS=200.
KILLS = int(os.environ.get("FOUND_KILLS", "4"))

ROWS: Rows = sorted((b"key/%05d" % (n * 7919 % 3001), b"value %d " % n * 4) for n in range(3001))

COMMAND = """\
import os, signal, sys
from found import _cli
from found.portable import _dump, _format
_dump._FULL_ROWS = 40

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""

# Dies within a write to the file: so many bytes of it are there.
KILLED_WRITING = (
    COMMAND
    + """
_open, left = _format.Writer._open, {left}

class Dying:
    def __init__(self, file):
        self._file = file
    def __getattr__(self, name):
        return getattr(self._file, name)
    def write(self, data):
        global left
        left -= len(data)
        if left < 0:
            self._file.write(data[:left])
            self._file.flush()
            die()
        return self._file.write(data)

_format.Writer._open = lambda self: Dying(_open(self))
_format.fcntl.flock = lambda *_: None
sys.exit(_cli.main({arguments!r}))
"""
)

# Dies before the so manieth commit, or once it is durable.
KILLED_COMMITTING = (
    COMMAND
    + """
import found
_open, left = found.open, {left}

async def hook(*_):
    global left
    left -= 1
    if left < 0:
        die()

async def opened(address):
    db = await _open(address)
    db.hooks.{hook}.append(hook)
    return db

found.open = opened
sys.exit(_cli.main({arguments!r}))
"""
)


def killed(source: str) -> bool:
    """Run a program that dies; whether it did."""
    ended = Program(source).end()
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


def test_a_dump_that_is_killed_while_it_writes_ends_with_the_whole_file(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"

    async def make() -> None:
        async with await found.open(address) as db:
            await fill(db, ROWS)

    run(make())
    rand = random.Random(4)
    path = tmp_path / "file"
    arguments = ["dump", "--quiet", address, str(path)]
    # The first dies in its header. What is written in all is about 40 kB.
    deaths = [rand.randrange(200), *(rand.randrange(40_000 // KILLS) for _ in range(KILLS))]
    for left in deaths:
        assert killed(KILLED_WRITING.format(left=left, arguments=arguments))
    ended = run_program(COMMAND + f"sys.exit(_cli.main({arguments!r}))")
    assert ended.returncode == 0 and "going on after them" in ended.stderr
    assert read_file(path) == ROWS


def test_a_load_that_is_killed_between_its_commits_ends_with_the_same_database(
    tmp_path: Path,
) -> None:
    source, path = f"embedded:{tmp_path / 'source'}", tmp_path / "file"
    target = f"embedded:{tmp_path / 'target'}"

    async def make() -> None:
        async with await found.open(source) as db:
            await fill(db, ROWS)

    run(make())
    output_of(COMMAND + f"sys.exit(_cli.main(['dump', '--quiet', {source!r}, {str(path)!r}]))")
    rand = random.Random(5)
    arguments = ["load", "--quiet", str(path), target]
    for kill in range(KILLS):
        hook = ("on_commit", "on_post_commit")[kill % 2]
        # Less than the 77 transactions there are, all deaths together.
        left = rand.randrange(70 // KILLS + 1)
        assert killed(KILLED_COMMITTING.format(left=left, hook=hook, arguments=arguments))
    # At the very end: everything is durable, and the program has not said so yet.
    last = 10_000
    killed(KILLED_COMMITTING.format(left=last, hook="on_post_commit", arguments=arguments))

    async def compare() -> None:
        async with await found.open(target) as db:
            assert await rows_of(db) == ROWS

    run(compare())
    # Once more changes nothing.
    killed(KILLED_COMMITTING.format(left=last, hook="on_post_commit", arguments=arguments))
    run(compare())
