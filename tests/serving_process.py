"""found-vnstore as a process that listens."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

COMMAND = [sys.executable, "-m", "found.ext.vnstore.server"]


class Served(NamedTuple):
    """A server that has started."""

    address: str
    """Where it answers, `http://127.0.0.1:PORT`."""
    process: subprocess.Popen[str]
    said: list[str]
    """The lines that it wrote: those before it answered, and at the end all of them."""


@contextlib.contextmanager
def started(
    *arguments: str, command: Sequence[str] = COMMAND, **environment: str
) -> Iterator[Served]:
    """A server on a free port, interrupted at the end as by Ctrl-C."""
    process = subprocess.Popen(
        [*command, "--port", "0", *arguments],
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    answers = threading.Event()
    # Read to the end: a pipe that nobody empties stops the server.
    reader = threading.Thread(target=_read, args=(process, said, answers))
    reader.start()
    try:
        answers.wait()
        address = re.search(r"running on (http://\S+)", "".join(said))
        if address is None:
            raise AssertionError("it did not start: " + "".join(said))
        yield Served(address[1], process, said)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        reader.join()
        process.wait(60)


def _read(process: subprocess.Popen[str], said: list[str], answers: threading.Event) -> None:
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            said.append(line)
            if "running on http" in line:
                answers.set()
    answers.set()
