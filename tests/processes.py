"""Programs run in a process of their own, whose end is looked at."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
from typing import Callable, Optional

# A child that takes longer hangs.
DEADLINE = 60.0


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


DEFAULT_INTERRUPT: Optional[Callable[[], None]] = _default_interrupt if os.name == "posix" else None
"""For `preexec_fn`: a shell that runs the tests in the background leaves SIGINT ignored, and a child inherits it."""


class Program:
    """A Python program that runs. What it prints can be waited for."""

    def __init__(
        self, source: str, *flags: str, environment: Optional[dict[str, str]] = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", *flags, "-c", textwrap.dedent(source)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            text=True,
            start_new_session=True,
            preexec_fn=DEFAULT_INTERRUPT,
        )

    def read_line(self) -> str:
        """The next line that the program prints."""
        assert self._process.stdout is not None
        line = b""
        # Byte by byte: what a buffer has taken in advance, `end` does not see.
        while not line.endswith(b"\n"):
            byte = os.read(self._process.stdout.fileno(), 1)
            if not byte:
                break
            line += byte
        return line.decode().rstrip("\n")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._process.kill()

    def _signal_all(self, number: int) -> None:
        """Send a signal to the program and to what it has forked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def end(self) -> subprocess.CompletedProcess[str]:
        """Wait for the end: its exit code, and what it has printed since."""
        try:
            output, errors = self._process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            if hasattr(os, "killpg"):
                # On which faulthandler tells where every thread is.
                self._signal_all(signal.SIGABRT)
            else:
                self._process.kill()
            output, errors = self._process.communicate()
            raise AssertionError(f"the program hangs\n{output}\n{errors}") from None
        finally:
            if hasattr(os, "killpg"):
                self._signal_all(signal.SIGKILL)
        return subprocess.CompletedProcess(
            self._process.args, self._process.returncode, output, errors
        )


def run_program(
    source: str, *flags: str, environment: Optional[dict[str, str]] = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end."""
    return Program(source, *flags, environment=environment).end()


def complaints(stderr: str) -> str:
    """What a program has complained of. How long a callback took says the machine, not the program (python -X dev)."""
    lines = stderr.splitlines(keepends=True)
    return "".join(
        line for line in lines if not re.fullmatch(r"Executing <.*> took \d+\.\d+ seconds\n", line)
    )


def output_of(source: str, *flags: str, environment: Optional[dict[str, str]] = None) -> str:
    """What a program prints that must end well and complain of nothing."""
    ended = run_program(source, *flags, environment=environment)
    assert complaints(ended.stderr) == ""
    assert ended.returncode == 0
    return ended.stdout


# What many programs begin with: a database that answers late, and work of each kind on it.
_WORK = """\
import asyncio, atexit, gc, os, sys, threading
import found

LATE = "memory:?latency=1"

async def filled(address=LATE):
    db = await found.open(address)
    async def fill(tx):
        for number in range(100):
            await found.set(tx, b"k%03d" % number, b"v" * 100)
    await found.transactional(db, fill)
    return db

async def armed_watch(db, key=b"watched"):
    tx = found.make_transaction(db)
    watch = found.watch(tx, key)
    await found.commit(tx)
    return watch

async def work_in_flight(db):
    "Operations of each kind, some awaited by tasks and some by nobody."
    tx = found.make_transaction(db)
    operations = [found.get(tx, b"k%03d" % number) for number in range(100)]
    operations += [found.all(found.query(tx, b"k", b"l", mode=found.STREAMING_MODE_SMALL))]
    operations += [found.query(tx, b"k", b"l").__anext__()]
    operations += [await armed_watch(db) for _ in range(10)]
    operations += [found.on_error(found.make_transaction(db), 1020)]
    for number in range(10):
        writer = found.make_transaction(db)
        found.set(writer, b"w%d" % number, b"")
        operations += [found.get_versionstamp(writer), found.commit(writer)]
    for operation in operations[::2]:
        asyncio.ensure_future(operation)
    for operation in operations[::3]:
        if hasattr(operation, "add_done_callback"):
            operation.add_done_callback(lambda _: None)
    return operations
"""


def program(source: str) -> str:
    """A program that begins with the functions of `_WORK`."""
    return _WORK + textwrap.dedent(source)
