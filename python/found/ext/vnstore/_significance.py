"""Points of history: the significance of a change, a uuid7 of the layout that 0.13 wrote."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta, timezone
from typing import Final, Optional
from uuid import UUID

from found.ext.vnstore._errors import VNStoreException

BEGINNING: Final = UUID(int=0)
"""The point before every change."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FRACTION = 24
"""Bits of the fraction of a second."""
_LAST = (1 << 60) - 1


def _layout(ticks: int, rest: int) -> UUID:
    """A uuid7 as draft-peabody-dispatch-new-uuid-format-02 has it, section 4.4.

    36 bits of seconds and 24 of their fraction lead, around the version; 62 bits that may be anything follow the
    variant. RFC 9562 has 48 bits of milliseconds instead, which sort before all of these.
    """
    if not 0 <= ticks <= _LAST:
        raise VNStoreException(
            "history has no place after its last change: its significance is the greatest there is"
        )
    return UUID(int=ticks >> 12 << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64 | 0b10 << 62 | rest)


def _ticks(point: UUID) -> int:
    """The 60 bits of time, in seconds of 2**24 parts."""
    return point.int >> 80 << 12 | point.int >> 64 & 0xFFF


def now() -> UUID:
    """A uuid7 of this moment: an identifier that nobody else has, and that sorts by time."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return _layout(
        seconds << _FRACTION | (nanoseconds << _FRACTION) // 1_000_000_000, secrets.randbits(62)
    )


def after(head: Optional[UUID]) -> UUID:
    """A significance for what is applied now: of this moment, or right after `head` if that is later.

    Clocks go back and differ, and 0.13 has written what its clock said.
    """
    point = now()
    if head is None or point.int > head.int:
        return point
    ticks = _ticks(head) + 1
    point = _layout(ticks, secrets.randbits(62))
    if point.int < head.int:
        # No uuid7: what stands in the place of the version is greater than 7.
        point = _layout((ticks >> 12) + 1 << 12, secrets.randbits(62))
    return point


def time_of(significance: UUID) -> Optional[datetime]:
    """Return the moment that a significance, or the identifier of a change, was made at, in UTC.

    Args:
        significance: a UUID.

    Returns:
        A datetime with time zone, exact to a microsecond; None if the UUID has no time, as the identifiers that 0.13
        gave to changes.

    Raises:
        TypeError: `significance` is no UUID.
    """
    if not isinstance(significance, UUID):
        raise TypeError(f"significance must be a uuid.UUID, not {type(significance).__name__}")
    if significance.version != 7:
        return None
    seconds, fraction = divmod(_ticks(significance), 1 << _FRACTION)
    try:
        return _EPOCH + timedelta(
            seconds=seconds, microseconds=(fraction * 1_000_000 + (1 << 23)) >> _FRACTION
        )
    except OverflowError:
        return None


def point_at(when: datetime) -> UUID:
    """Return the point of history at a moment: what was applied until then.

    Args:
        when: a datetime with time zone, exact to a microsecond.

    Returns:
        A UUID for `as_of`, no change's significance.

    Raises:
        TypeError: `when` is no datetime.
        ValueError: it has no time zone, or is before 1970.
    """
    if not isinstance(when, datetime):
        raise TypeError(f"when must be a datetime.datetime, not {type(when).__name__}")
    if when.tzinfo is None:
        raise ValueError(f"when must have a time zone: {when!r}")
    microseconds = (when - _EPOCH) // timedelta(microseconds=1)
    if microseconds < 0:
        raise ValueError(f"when must be in 1970 or later: {when!r}")
    # The last tick that `time_of` gives this microsecond for.
    ticks = (((2 * microseconds + 1) << _FRACTION) - 1) // 2_000_000
    return UUID(int=(_layout(ticks, 0).int | (1 << 62) - 1))


def point_before(significance: UUID) -> UUID:
    """Return the point of history right before a change: what was applied until then, without it.

    Args:
        significance: the change's, a UUID.

    Raises:
        TypeError: `significance` is no UUID.
    """
    if not isinstance(significance, UUID):
        raise TypeError(f"significance must be a uuid.UUID, not {type(significance).__name__}")
    return UUID(int=max(0, significance.int - 1))
