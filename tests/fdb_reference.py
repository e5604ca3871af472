"""FoundationDB's own tuple layer, `fdb.tuple` of the PyPI package, for tests to compare with.

The module needs no libfdb_c, except that packing a versionstamp asks for a class of `fdb.impl`,
which loads the library when it is imported. A class of which nothing is an instance serves.
"""

from __future__ import annotations

import struct
import sys
import types
from typing import Any

import fdb
import fdb.tuple as reference

import found

# fdb.six leaves a finder that warns about itself whenever a later import fails, in any test.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "fdb.six"]

if not hasattr(fdb, "impl"):
    fdb.impl = types.SimpleNamespace(Value=type("Value", (), {}))

__all__ = ["bits", "reference", "same", "to_reference"]


def to_reference(value: Any) -> Any:
    """The same value in the types of `fdb.tuple`."""
    if isinstance(value, found.SingleFloat):
        return reference.SingleFloat(value.value)
    if isinstance(value, found.Versionstamp):
        return reference.Versionstamp(value.tr_version, value.user_version)
    if isinstance(value, (tuple, list)):
        return tuple(to_reference(item) for item in value)
    return value


def bits(value: float) -> bytes:
    return struct.pack(">d", value)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two unpacked values are alike: types too, floats bit for bit."""
    if isinstance(ours, found.SingleFloat):
        alike = isinstance(theirs, (found.SingleFloat, reference.SingleFloat))
        return alike and bits(ours.value) == bits(theirs.value)
    if isinstance(ours, found.Versionstamp):
        alike = isinstance(theirs, (found.Versionstamp, reference.Versionstamp))
        return alike and ours.to_bytes() == theirs.to_bytes()
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float):
        return bits(ours) == bits(theirs)
    return bool(ours == theirs)
