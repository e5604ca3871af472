"""What a dump, a load and a check tell while they go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Optional


class Progress(NamedTuple):
    """How far a dump, a load or a check is."""

    rows: int
    """Rows that are done."""
    bytes: int
    """The bytes of their keys and values."""
    total_bytes: Optional[int]
    """How many there are in all; in a dump an estimate, or None where there is none to be had."""


OnProgress = Callable[[Progress], object]
