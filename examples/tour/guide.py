"""What the steps of the tour have in common: the database, the input, and how they speak."""

from __future__ import annotations

from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

import found

Airport = dict[str, Any]


class Tour(NamedTuple):
    db: found.Database
    airports: dict[str, Airport]
    console: Console

    def title(self, text: str, code: str = "") -> None:
        self.console.print(f"\n[bold]{text}[/bold]", highlight=False)
        for line in code.strip().splitlines():
            self.console.print(f"    [cyan]{line}[/cyan]", highlight=False)

    def say(self, text: str) -> None:
        self.console.print(f"  {text}", highlight=False)

    def progress(self, *columns: ProgressColumn) -> Progress:
        """A bar. In a file or a pipe it would be noise: nothing is shown there."""
        return Progress(
            TextColumn("  "),
            BarColumn(),
            *columns,
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
