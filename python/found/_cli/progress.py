"""How far a command is, on stderr: a line that changes on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import Optional

from found._cli.ending import megabytes
from found.portable import Progress

_ON_TERMINAL = 0.1
_ELSEWHERE = 10.0
_BAR = 16


class Display:
    """`with Display("dump", quiet) as display`: then `display.show(progress)` as often as one likes."""

    def __init__(self, what: str, quiet: bool) -> None:
        self._what = what
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self._next = self._began + (0 if self._terminal else _ELSEWHERE)
        self._first: Optional[Progress] = None
        self._shown = ""

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._clear()

    def show(self, progress: Progress) -> None:
        """Show it, unless something was shown just now."""
        first = self._first = self._first or progress
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        elapsed = now - self._began
        rate = (progress.rows - first.rows) / elapsed if elapsed else 0
        line = f"{self._what}: {progress.rows:,} rows"
        if progress.bytes:
            line += f", {megabytes(progress.bytes)}"
        total = progress.total_bytes
        if total:
            share = min(progress.bytes / total, 1.0)
            done = progress.bytes - first.bytes
            left = (total - progress.bytes) * elapsed / done if done > 0 else 0
            if self._terminal:
                line += f" [{'#' * int(share * _BAR):<{_BAR}}]"
            line += f" {share:.0%}, {_clock(max(left, 0))} left"
        self._line(f"{line}, {rate:,.0f} rows/s")

    def count(self, rows: int) -> None:
        """Show a number of rows."""
        self.show(Progress(rows, 0, None))

    def note(self, sentence: str) -> None:
        """Say something that stays."""
        self._clear()
        print(sentence, file=sys.stderr, flush=True)

    def _line(self, line: str) -> None:
        if self._terminal:
            # A line that is wrapped cannot be gone back over.
            line = line[: shutil.get_terminal_size().columns - 1]
            print(f"\r{line:<{len(self._shown)}}", end="", file=sys.stderr, flush=True)
            self._shown = line
            self._next = time.monotonic() + _ON_TERMINAL
        else:
            print(line, file=sys.stderr, flush=True)
            self._next = time.monotonic() + _ELSEWHERE

    def _clear(self) -> None:
        if self._shown:
            print(f"\r{'':<{len(self._shown)}}\r", end="", file=sys.stderr, flush=True)
            self._shown = ""


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
