"""A fixed script that touches each instruction, and what the specification says it leaves on the stack.

A section begins with an empty stack, which is logged at its end. What is expected is written by hand: the entries of
the stack, the oldest first, each with the number of the instruction in its section that pushed it.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import found

from .api import Space
from .streams import PREFIX, Part, Stream

NOTHING = b"RESULT_NOT_PRESENT"
SPACE = Space("script")
"""Where the keys of the script are."""


def error(code: int) -> bytes:
    """As the specification has it: the packed tuple of ERROR and the code, both bytes."""
    return b"\x01ERROR\x00\x01" + str(code).encode() + b"\x00"


def key(name: bytes) -> bytes:
    return SPACE.workspace + name


class Section(NamedTuple):
    """Instructions, and what is on the stack after them."""

    name: str
    instructions: list[tuple[Any, ...]]
    expected: list[tuple[int, Any]]


class Logged(NamedTuple):
    """A value that is expected to be logged as these bytes."""

    packed: bytes


def logged(value: Any) -> bytes:
    return value.packed if isinstance(value, Logged) else found.pack((value,))


def _push(*values: Any) -> list[tuple[Any, ...]]:
    """Push values, the first to be on top."""
    return [("PUSH", value) for value in reversed(values)]


def _call(operation: str, *values: Any) -> list[tuple[Any, ...]]:
    """Push what an instruction pops, the first to be popped first, and execute it."""
    return [*_push(*values), (operation,)]


def _each(*parts: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [instruction for part in parts for instruction in part]


_COMMIT: list[tuple[Any, ...]] = [("COMMIT",), ("WAIT_FUTURE",), ("RESET",)]
_A, _B, _C, _D = (key(name) for name in (b"a", b"b", b"c", b"d"))
_ROWS = [(_A, b"1"), (_B, b"2"), (_C, b"3")]
_FILL = _each(
    [("NEW_TRANSACTION",)],
    _call("CLEAR_RANGE_STARTS_WITH", SPACE.workspace),
    *(_call("SET", *row) for row in _ROWS),
    _COMMIT,
    [("POP",)],
)


def _packed(*rows: tuple[bytes, bytes]) -> bytes:
    return found.pack(tuple(item for row in rows for item in row))


def _after_filling(
    name: str, instructions: list[tuple[Any, ...]], expected: list[tuple[int, Any]]
) -> Section:
    """A section over three rows; the numbers of its entries count from their last instruction on."""
    return Section(
        name, _FILL + instructions, [(len(_FILL) + number, value) for number, value in expected]
    )


def _data() -> list[Section]:
    return [
        Section("push", _push(None), [(0, None)]),
        Section("dup", [("PUSH", b"a"), ("DUP",)], [(0, b"a"), (0, b"a")]),
        Section("empty_stack", [("PUSH", 1), ("PUSH", 2), ("EMPTY_STACK",), ("PUSH", 3)], [(3, 3)]),
        Section(
            "swap",
            [("PUSH", b"a"), ("PUSH", b"b"), ("PUSH", b"c"), ("PUSH", 2), ("SWAP",)],
            [(2, b"c"), (1, b"b"), (0, b"a")],
        ),
        Section("swap_with_itself", [("PUSH", b"a"), ("PUSH", 0), ("SWAP",)], [(0, b"a")]),
        Section("pop", [("PUSH", 1), ("PUSH", 2), ("POP",)], [(0, 1)]),
        Section("sub", _call("SUB", 10, 3), [(2, 7)]),
        Section("sub_large", _call("SUB", -(2**2039), 2**2038), [(2, -3 * 2**2038)]),
        Section("concat", _call("CONCAT", b"a", b"b"), [(2, b"ab")]),
        Section("concat_text", _call("CONCAT", "\u9348", "b"), [(2, "\u9348b")]),
        # Packed it is two bytes longer: 40,000 are logged.
        Section(
            "log_stack_of_much", _push(b"\xab" * 50_000), [(0, Logged(b"\x01" + b"\xab" * 39_999))]
        ),
        Section(
            "log_stack_in_chunks",
            [("PUSH", number) for number in range(250)],
            [(number, number) for number in range(250)],
        ),
    ]


def _tuples() -> list[Section]:
    stamp = found.Versionstamp(None, 7)
    return [
        Section(
            "tuple_pack",
            _call("TUPLE_PACK", 3, b"1\x00", "2", None),
            [(4, b"\x01" + b"1\x00\xff\x00" + b"\x022\x00" + b"\x00")],
        ),
        Section("tuple_pack_nothing", _call("TUPLE_PACK", 0), [(1, b"")]),
        Section(
            "tuple_unpack",
            _call("TUPLE_UNPACK", b"\x011\x00\x15\x02\x27"),
            [(1, b"\x011\x00"), (1, b"\x15\x02"), (1, b"\x27")],
        ),
        Section(
            "tuple_range",
            _call("TUPLE_RANGE", 1, b"a"),
            [(2, b"\x01a\x00\x00"), (2, b"\x01a\x00\xff")],
        ),
        Section(
            "tuple_sort",
            _call("TUPLE_SORT", 4, b"\x15\x02", b"\x01b\x00", b"\x01b\x00\x15\x01", b"\x13\xfe"),
            [(5, b"\x01b\x00"), (5, b"\x01b\x00\x15\x01"), (5, b"\x13\xfe"), (5, b"\x15\x02")],
        ),
        Section(
            "tuple_pack_with_versionstamp",
            _call("TUPLE_PACK_WITH_VERSIONSTAMP", b"p", 2, b"a", stamp),
            [
                (4, b"OK"),
                (4, b"p\x01a\x00\x33" + b"\xff" * 10 + b"\x00\x07" + struct.pack("<L", 5)),
            ],
        ),
        Section(
            "tuple_pack_with_no_versionstamp",
            _call("TUPLE_PACK_WITH_VERSIONSTAMP", b"p", 1, b"a"),
            [(3, b"ERROR: NONE")],
        ),
        Section(
            "tuple_pack_with_two_versionstamps",
            _call("TUPLE_PACK_WITH_VERSIONSTAMP", b"p", 2, stamp, stamp),
            [(4, b"ERROR: MULTIPLE")],
        ),
        Section(
            "encode_float",
            _call("ENCODE_FLOAT", b"\x40\x48\xf5\xc3"),
            [(1, found.SingleFloat(3.14))],
        ),
        Section("encode_double", _call("ENCODE_DOUBLE", b"\x80" + bytes(7)), [(1, -0.0)]),
        Section(
            "decode_float",
            _call("DECODE_FLOAT", found.SingleFloat(3.14)),
            [(1, b"\x40\x48\xf5\xc3")],
        ),
        Section("decode_double", _call("DECODE_DOUBLE", 1.0), [(1, b"\x3f\xf0" + bytes(6))]),
    ]


def _reads() -> list[Section]:
    sections: list[Section] = []
    for suffix in ("", "_SNAPSHOT", "_DATABASE", "_TENANT"):
        # Numbers count from the first instruction after those that fill the database.
        sections += [
            _after_filling(
                "get" + suffix,
                _each(_call("GET" + suffix, _B), _call("GET" + suffix, _D)),
                [(1, b"2"), (3, NOTHING)],
            ),
            _after_filling(
                "get_key" + suffix,
                _each(
                    # Key, or-equal, offset, prefix: the one after the last that is less than or equal to it.
                    _call("GET_KEY" + suffix, _A, 1, 1, SPACE.workspace),
                    _call("GET_KEY" + suffix, _C, 0, -1, SPACE.workspace),
                    # Outside of the prefix on either side.
                    _call("GET_KEY" + suffix, _B, 0, 1, key(b"c")),
                    _call("GET_KEY" + suffix, _B, 0, 1, key(b"a")),
                ),
                [(4, _B), (9, _A), (14, key(b"c")), (19, key(b"b"))],
            ),
            _after_filling(
                "get_range" + suffix,
                _each(
                    # Begin, end, limit, reverse, mode.
                    _call("GET_RANGE" + suffix, _A, _C, 0, 0, -1),
                    _call("GET_RANGE" + suffix, _A, _D, 2, 1, 0),
                    _call("GET_RANGE" + suffix, _D, _A, 0, 0, -2),
                    _call("GET_RANGE" + suffix, _A, _D, 0, 0, 0),
                ),
                [
                    (5, _packed(*_ROWS[:2])),
                    (11, _packed(_ROWS[2], _ROWS[1])),
                    (17, b""),
                    (23, error(2210)),
                ],
            ),
            _after_filling(
                "get_range_starts_with" + suffix,
                _each(
                    # Prefix, limit, reverse, mode.
                    _call("GET_RANGE_STARTS_WITH" + suffix, SPACE.workspace, 0, 1, 4),
                    _call("GET_RANGE_STARTS_WITH" + suffix, _B, 1, 0, 1),
                ),
                [(4, _packed(*reversed(_ROWS))), (9, _packed(_ROWS[1]))],
            ),
            _after_filling(
                "get_range_selector" + suffix,
                _each(
                    # Begin and end as key, or-equal, offset; limit, reverse, mode, prefix.
                    _call("GET_RANGE_SELECTOR" + suffix, _A, 1, 1, _C, 1, 1, 0, 0, -1, key(b"")),
                    _call("GET_RANGE_SELECTOR" + suffix, _A, 0, 1, _C, 1, 1, 0, 0, 2, key(b"b")),
                ),
                [(10, _packed(*_ROWS[1:])), (21, _packed(_ROWS[1]))],
            ),
        ]
    sections.append(
        _after_filling(
            "sizes",
            _each(
                _call("GET_ESTIMATED_RANGE_SIZE", _A, _D),
                _call("GET_RANGE_SPLIT_POINTS", _A, _D, 10_000_000),
                [("GET_APPROXIMATE_SIZE",)],
            ),
            [
                (2, b"GOT_ESTIMATED_RANGE_SIZE"),
                (6, b"GOT_RANGE_SPLIT_POINTS"),
                (7, b"GOT_APPROXIMATE_SIZE"),
            ],
        )
    )
    return sections


def _writes() -> list[Section]:
    sections: list[Section] = []
    for suffix in ("_DATABASE", "_TENANT"):
        sections.append(
            _after_filling(
                "writes" + suffix,
                _each(
                    _call("SET" + suffix, _D, b"4"),
                    _call("CLEAR" + suffix, _A),
                    _call("CLEAR_RANGE" + suffix, _B, _C),
                    _call("CLEAR_RANGE_STARTS_WITH" + suffix, _C),
                    _call("ATOMIC_OP" + suffix, "BIT_OR", _D, b"\x0b"),
                    _call("GET_RANGE_STARTS_WITH", SPACE.workspace, 0, 0, -1),
                ),
                [
                    (2, NOTHING),
                    (4, NOTHING),
                    (7, NOTHING),
                    (9, NOTHING),
                    (13, NOTHING),
                    (18, _packed((_D, b"\x3f"))),
                ],
            )
        )
    sections += [
        _after_filling(
            "writes",
            _each(
                _call("SET", _D, b"4"),
                _call("CLEAR", _A),
                _call("CLEAR_RANGE", _B, _C),
                _call("CLEAR_RANGE_STARTS_WITH", _C),
                _call("GET", _D),
                # Nothing of it is committed yet.
                _call("GET_DATABASE", _A),
                _COMMIT,
                _call("GET_RANGE_STARTS_WITH_DATABASE", SPACE.workspace, 0, 0, -1),
            ),
            [(11, b"4"), (13, b"1"), (14, NOTHING), (21, _packed((_D, b"4")))],
        ),
    ]
    for operation, before, operand, after in (
        ("ADD", b"\xff\x01", b"\x01\x00", b"\x00\x02"),
        ("BIT_AND", b"\x0f\xff", b"\x3c\x0f", b"\x0c\x0f"),
        ("AND", b"\x0f", b"\x3c", b"\x0c"),
        ("BIT_OR", b"\x0f", b"\x30", b"\x3f"),
        ("OR", b"\x0f", b"\x30", b"\x3f"),
        ("BIT_XOR", b"\x0f", b"\x3c", b"\x33"),
        ("XOR", b"\x0f", b"\x3c", b"\x33"),
        # Little-endian numbers, and then bytes from the left.
        ("MAX", b"\x01\x02", b"\x02\x01", b"\x01\x02"),
        ("MIN", b"\x01\x02", b"\x02\x01", b"\x02\x01"),
        ("BYTE_MAX", b"\x01\x02", b"\x02\x01", b"\x02\x01"),
        ("BYTE_MIN", b"\x01\x02", b"\x02\x01", b"\x01\x02"),
        ("APPEND_IF_FITS", b"a", b"b", b"ab"),
        ("COMPARE_AND_CLEAR", b"a", b"a", NOTHING),
        ("COMPARE_AND_CLEAR", b"a", b"b", b"a"),
    ):
        sections.append(
            _after_filling(
                f"atomic_op {operation} {before!r} {operand!r}",
                _each(
                    _call("SET", _A, before),
                    _call("ATOMIC_OP", operation, _A, operand),
                    _call("GET", _A),
                ),
                [(8, after)],
            )
        )
    return sections


def _versionstamps() -> list[Section]:
    place = struct.pack("<L", len(_A))
    unset = b"X" * 10
    return [
        _after_filling(
            "versionstamps",
            _each(
                _call("ATOMIC_OP", "SET_VERSIONSTAMPED_KEY", _A + unset + b"z" + place, b"by key"),
                _call("ATOMIC_OP", "SET_VERSIONSTAMPED_VALUE", _D, _A + unset + b"z" + place),
                # The stamp between what was before it and after it is the key.
                _push(b"z"),
                [("GET_VERSIONSTAMP",)],
                _COMMIT,
                [("POP",)],
                _push(_A),
                [("CONCAT",), ("CONCAT",), ("GET",)],
                # And so is the value.
                _call("GET", _D),
                [("GET",)],
            ),
            [(17, b"by key"), (20, b"by key")],
        ),
        _after_filling(
            "versionstamp_of_nothing",
            _each([("GET_VERSIONSTAMP",)], _COMMIT),
            [(0, error(2021)), (1, NOTHING)],
        ),
    ]


def _transactions() -> list[Section]:
    other = _push(b"other")
    back = _push(PREFIX)
    use: list[tuple[Any, ...]] = [("USE_TRANSACTION",)]
    # Waited for, so that what comes after it is after its read version.
    read_and_write = _each(_call("GET", _A), [("WAIT_FUTURE",)], _call("SET", _D, b"4"))
    return [
        Section("on_error", _each([("NEW_TRANSACTION",)], _call("ON_ERROR", 1020)), [(2, NOTHING)]),
        Section(
            "on_error_that_stays",
            _each([("NEW_TRANSACTION",)], _call("ON_ERROR", 2000), [("COMMIT",)]),
            [(2, error(2000)), (3, error(1025))],
        ),
        Section(
            "on_error_of_none",
            _each([("NEW_TRANSACTION",)], _call("ON_ERROR", 0)),
            [(2, error(2000))],
        ),
        Section(
            "cancel_and_reset",
            _each(
                [("NEW_TRANSACTION",), ("CANCEL",)],
                _call("GET", _A),
                [("COMMIT",), ("WAIT_FUTURE",), ("RESET",), ("COMMIT",)],
            ),
            [(3, error(1025)), (4, error(1025)), (7, NOTHING)],
        ),
        _after_filling(
            "a_future_keeps_its_number",
            _each(_call("GET", _A), [("WAIT_FUTURE",), ("DUP",)]),
            [(1, b"1"), (1, b"1")],
        ),
        _after_filling(
            "a_future_in_the_place_of_a_value",
            _each(_call("GET", _A), _call("CONCAT", b"a")),
            [(3, b"a1")],
        ),
        _after_filling(
            "conflict_of_a_read",
            _each(read_and_write, _call("SET_DATABASE", _A, b"x"), _COMMIT),
            [(1, b"1"), (8, NOTHING), (9, error(1020))],
        ),
        _after_filling(
            "no_conflict_of_a_snapshot_read",
            _each(
                _call("GET_SNAPSHOT", _A),
                [("WAIT_FUTURE",)],
                _call("SET", _D, b"4"),
                _call("SET_DATABASE", _A, b"x"),
                _COMMIT,
            ),
            [(1, b"1"), (8, NOTHING), (9, NOTHING)],
        ),
        *(
            _after_filling(
                operation.lower(),
                _each(
                    [("GET_READ_VERSION",)],
                    _call(operation, *keys),
                    _call("SET", _D, b"4"),
                    _call("SET_DATABASE", _A, b"x"),
                    _COMMIT,
                ),
                [
                    (0, b"GOT_READ_VERSION"),
                    (1 + len(keys), pushed),
                    (7 + len(keys), NOTHING),
                    (8 + len(keys), error(1020)),
                ],
            )
            for operation, keys, pushed in (
                ("READ_CONFLICT_RANGE", (_A, _B), b"SET_CONFLICT_RANGE"),
                ("READ_CONFLICT_KEY", (_A,), b"SET_CONFLICT_KEY"),
            )
        ),
        *(
            _after_filling(
                operation.lower(),
                _each(
                    read_and_write,
                    other,
                    use,
                    [("NEW_TRANSACTION",)],
                    _call(operation, *keys),
                    _COMMIT,
                    back,
                    use,
                    _COMMIT,
                ),
                [
                    (1, b"1"),
                    (9 + len(keys), pushed),
                    (10 + len(keys), NOTHING),
                    (15 + len(keys), error(1020)),
                ],
            )
            for operation, keys, pushed in (
                ("WRITE_CONFLICT_RANGE", (_A, _B), b"SET_CONFLICT_RANGE"),
                ("WRITE_CONFLICT_KEY", (_A,), b"SET_CONFLICT_KEY"),
            )
        ),
        _after_filling(
            "conflict_range_inverted",
            _call("READ_CONFLICT_RANGE", _B, _A),
            [(2, error(2005))],
        ),
        _after_filling(
            "disable_write_conflict",
            _each(
                read_and_write,
                other,
                use,
                [("NEW_TRANSACTION",), ("DISABLE_WRITE_CONFLICT",)],
                _call("SET", _A, b"x"),
                _COMMIT,
                back,
                use,
                _COMMIT,
                _call("GET", _A),
            ),
            [(1, b"1"), (13, NOTHING), (18, NOTHING), (22, b"x")],
        ),
        _after_filling(
            "read_versions",
            _each(
                [("GET_READ_VERSION",)],
                _call("SET_DATABASE", _A, b"x"),
                [("NEW_TRANSACTION",), ("SET_READ_VERSION",)],
                _call("GET", _A),
                [("NEW_TRANSACTION",), ("GET_READ_VERSION_SNAPSHOT",)],
                _call("GET", _A),
            ),
            [
                (0, b"GOT_READ_VERSION"),
                (3, NOTHING),
                (7, b"1"),
                (9, b"GOT_READ_VERSION"),
                (11, b"x"),
            ],
        ),
        _after_filling(
            "committed_version",
            _each(
                _call("SET", _A, b"x"),
                [("COMMIT",), ("WAIT_FUTURE",), ("GET_COMMITTED_VERSION",), ("RESET",)],
                _call("SET_DATABASE", _A, b"y"),
                [("SET_READ_VERSION",)],
                _call("GET", _A),
            ),
            [(3, NOTHING), (5, b"GOT_COMMITTED_VERSION"), (9, NOTHING), (12, b"x")],
        ),
        Section(
            "an_error_that_is_known_outlives_a_reset",
            _each(
                [("NEW_TRANSACTION",), ("GET_READ_VERSION",), ("SET_READ_VERSION",)],
                [("GET_VERSIONSTAMP",)],
                _COMMIT,
            ),
            [(1, b"GOT_READ_VERSION"), (3, error(2010)), (4, error(2010))],
        ),
        _after_filling(
            "an_error_of_a_write_is_told_by_the_commit",
            _each(_call("SET", b"\xff", b""), _COMMIT),
            [(3, error(2004))],
        ),
    ]


_THREAD = b"script_thread"
_WAIT = SPACE.root + found.pack(("wait",))


def _threads() -> list[Section]:
    return [
        _after_filling(
            "threads",
            _each(
                _call("SET_DATABASE", _WAIT, b""),
                _call("START_THREAD", _THREAD),
                _call("WAIT_EMPTY", _WAIT),
                # What it has written, and that its transaction is another.
                _call("GET", _D),
                [("UNIT_TESTS",)],
            ),
            [(2, NOTHING), (6, b"WAITED_FOR_EMPTY"), (8, b"by the thread")],
        )
    ]


def _tenants() -> list[Section]:
    return [
        Section(
            "tenants",
            _each(
                [("TENANT_CLEAR_ACTIVE",), ("TENANT_GET_ID",)],
                _call("TENANT_CREATE", b"tenant"),
                _call("TENANT_SET_ACTIVE", b"tenant"),
                _call("TENANT_LIST", b"", b"\xff", 10),
                _call("TENANT_DELETE", b"tenant"),
            ),
            [
                (1, b"NO_ACTIVE_TENANT"),
                (3, error(2108)),
                (5, error(2108)),
                (9, error(2108)),
                (11, error(2108)),
            ],
        )
    ]


SECTIONS = [
    *_data(),
    *_tuples(),
    *_reads(),
    *_writes(),
    *_versionstamps(),
    *_transactions(),
    *_threads(),
]
OF_A_BINDING_WITHOUT_TENANTS = _tenants()


def stack_of(section: Section) -> bytes:
    """Where the stack of a section is logged."""
    return SPACE.stack + found.pack((section.name,))


INSTRUCTIONS_AFTER_A_SECTION = 2


def stream(sections: list[Section]) -> Stream:
    """One program of these sections, and the thread that one of them starts."""
    program = [
        instruction
        for section in sections
        for instruction in [*section.instructions, ("PUSH", stack_of(section)), ("LOG_STACK",)]
    ]
    thread = _each(
        [("NEW_TRANSACTION",)],
        _call("SET", _D, b"by the thread"),
        _COMMIT,
        [("POP",)],
        _call("CLEAR_DATABASE", _WAIT),
    )
    return Stream(
        0,
        {
            PREFIX: Part(SPACE, program, frozenset()),
            _THREAD: Part(Space("script thread"), thread, frozenset()),
        },
    )
