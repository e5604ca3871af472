"""The contenders of the driver's sections: each in a process of its own, one API of a binding in each.

A worker reads a line of JSON, runs what it names, and answers with a line: seconds for the work asked for, or why it
could not. It is started with the interpreter and the environment of its contender, so several versions of a binding
can be measured side by side.

    python -m bench.workers found memory:bench
    python -m bench.workers fdb memory:bench
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

from bench import peers
from bench.harness import ROOT, Failure
from bench.loops import running_on

# Longer than any work takes, on a cluster far away too.
TIMEOUT = 120


class Contender(NamedTuple):
    """How a worker is started."""

    binding: str
    """bench/<binding>_works.py is what it does."""
    address: str
    python: str = sys.executable
    environment: Mapping[str, str] = {}
    failure: Optional[str] = None
    """Why it cannot be started, if that is known."""

    def command(self, module: str, *arguments: str) -> list[str]:
        return [self.python, "-m", module, self.binding, self.address, *arguments]

    def environ(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


class Worker:
    """The near end: what the benchmark calls."""

    def __init__(self, contender: Contender) -> None:
        """Raises Failure if it does not start."""
        if contender.failure is not None:
            raise Failure(contender.failure)
        pipe = subprocess.PIPE
        try:
            self.process = subprocess.Popen(
                contender.command("bench.workers"),
                cwd=ROOT,
                env=contender.environ(),
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                text=True,
            )
        except OSError as error:
            raise Failure(str(error)) from error
        try:
            self.version = str(self.ask("version"))
        except Failure:
            self.close()
            raise

    def ask(self, work: str, count: int = 0) -> Any:
        """Have `count` pieces of `work` done; raises Failure with what the contender has to say."""
        assert self.process.stdin and self.process.stdout and self.process.stderr
        timer = threading.Timer(TIMEOUT, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(json.dumps([work, count]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            if timer.finished.is_set() and self.process.poll() == -signal.SIGKILL:
                raise Failure(f"no answer in {TIMEOUT} seconds")
            said = self.process.stderr.read().strip().splitlines()
            raise Failure(peers.explained(said[-1]) if said else "it ended without a word")
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer["error"])
        return answer["value"]

    def close(self) -> None:
        # It may be in the midst of something nobody wants to know any more.
        self.process.kill()
        self.process.communicate()


def main(binding: str, address: str) -> None:
    """The far end."""
    # Ctrl-C reaches every process of the terminal: the near end decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    does = importlib.import_module(f"bench.{binding}_works").works(address)
    for line in sys.stdin:
        work, count = json.loads(line)
        answer: dict[str, object]
        try:
            value = does[work](count)
            answer = {"value": f"{value}, {running_on()}" if work == "version" else value}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
