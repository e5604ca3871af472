"""found-vnstore as a process that listens."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
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
    assert process.stderr is not None
    try:
        for line in process.stderr:
            said.append(line)
            address = re.search(r"running on (http://\S+)", line)
            if address:
                yield Served(address[1], process, said)
                break
        else:
            raise AssertionError("it did not start: " + "".join(said))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        said += process.stderr.readlines()
        process.stderr.close()
        process.wait(60)
