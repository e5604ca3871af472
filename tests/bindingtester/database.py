"""Instructions that work on the database: transactions, reads, writes, versions, threads, tenants."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable
from typing import Any, Callable, Optional

import found

from . import unit
from .machine import DATABASE, SNAPSHOT, TENANT, Call, instruction
from .stack import Pending, packed_error

CLIENT_INVALID_OPERATION = 2000
UNSUPPORTED_OPERATION = 2108
NOT_COMMITTED = 1020

# Of a packed value on the stack, LOG_STACK keeps so much, and it writes so many in a transaction.
_LOGGED_BYTES = 40_000
_LOGGED_AT_ONCE = 100


# ---- transactions -------------------------------------------------------------------------------------------


@instruction("NEW_TRANSACTION")
async def _new_transaction(call: Call) -> None:
    call.machine.world.new_transaction(call.machine.transaction_name)


@instruction("USE_TRANSACTION")
async def _use_transaction(call: Call) -> None:
    call.machine.transaction_name = await call.pop()
    call.machine.world.transaction(call.machine.transaction_name)


@instruction("ON_ERROR")
async def _on_error(call: Call) -> None:
    code = await call.pop()
    if code == 0:
        # 0 is no error: the C API answers client_invalid_operation, found refuses it by itself.
        call.push(packed_error(CLIENT_INVALID_OPERATION))
    else:
        call.push(Pending(found.on_error(call.tx, code)))


@instruction("COMMIT")
async def _commit(call: Call) -> None:
    call.push(Pending(found.commit(call.tx)))


@instruction("RESET")
async def _reset(call: Call) -> None:
    found.reset(call.tx)


@instruction("CANCEL")
async def _cancel(call: Call) -> None:
    found.cancel(call.tx)


# ---- reads --------------------------------------------------------------------------------------------------


@instruction("GET", SNAPSHOT, DATABASE, TENANT)
async def _get(call: Call) -> None:
    key = await call.pop()
    await call.push_read(lambda tx, snapshot: found.get(tx, key, snapshot=snapshot))


@instruction("GET_KEY", SNAPSHOT, DATABASE, TENANT)
async def _get_key(call: Call) -> None:
    key, or_equal, offset, prefix = await call.pop_many(4)
    selector = found.KeySelector(key, bool(or_equal), offset)

    def inside(result: bytes) -> bytes:
        if result.startswith(prefix):
            return result
        return prefix if result < prefix else found.next_prefix(prefix)

    await call.push_read(
        lambda tx, snapshot: found.get_key(tx, selector, snapshot=snapshot), inside
    )


async def _push_range(
    call: Call,
    begin: found.KeySelector,
    end: found.KeySelector,
    limit: int,
    reverse: int,
    mode: int,
    prefix: bytes = b"",
) -> None:
    def read(tx: found.Transaction, snapshot: Optional[bool]) -> Awaitable[Any]:
        return found.all(
            found.query(
                tx, begin, end, limit=limit, reverse=bool(reverse), mode=mode, snapshot=snapshot
            )
        )

    rows = await call.read(read)
    inside = [row for row in rows if row[0].startswith(prefix)]
    call.push(found.pack(tuple(itertools.chain.from_iterable(inside))))


@instruction("GET_RANGE", SNAPSHOT, DATABASE, TENANT)
async def _get_range(call: Call) -> None:
    begin, end, limit, reverse, mode = await call.pop_many(5)
    # Selectors, because two keys given backwards are a range to be read backwards.
    await _push_range(call, found.gte(begin), found.gte(end), limit, reverse, mode)


@instruction("GET_RANGE_STARTS_WITH", SNAPSHOT, DATABASE, TENANT)
async def _get_range_starts_with(call: Call) -> None:
    prefix, limit, reverse, mode = await call.pop_many(4)
    end = found.gte(found.next_prefix(prefix))
    await _push_range(call, found.gte(prefix), end, limit, reverse, mode)


@instruction("GET_RANGE_SELECTOR", SNAPSHOT, DATABASE, TENANT)
async def _get_range_selector(call: Call) -> None:
    key, or_equal, offset = await call.pop_many(3)
    begin = found.KeySelector(key, bool(or_equal), offset)
    key, or_equal, offset = await call.pop_many(3)
    end = found.KeySelector(key, bool(or_equal), offset)
    limit, reverse, mode, prefix = await call.pop_many(4)
    await _push_range(call, begin, end, limit, reverse, mode, prefix)


@instruction("GET_ESTIMATED_RANGE_SIZE")
async def _get_estimated_range_size(call: Call) -> None:
    begin, end = await call.pop_many(2)
    await found.estimated_size_bytes(call.tx, begin, end)
    call.push(b"GOT_ESTIMATED_RANGE_SIZE")


@instruction("GET_RANGE_SPLIT_POINTS")
async def _get_range_split_points(call: Call) -> None:
    begin, end, chunk_size = await call.pop_many(3)
    await found.get_range_split_points(call.tx, begin, end, chunk_size)
    call.push(b"GOT_RANGE_SPLIT_POINTS")


# ---- writes -------------------------------------------------------------------------------------------------


@instruction("SET", DATABASE, TENANT)
async def _set(call: Call) -> None:
    key, value = await call.pop_many(2)
    await call.write(lambda tx: found.set(tx, key, value))


@instruction("CLEAR", DATABASE, TENANT)
async def _clear(call: Call) -> None:
    key = await call.pop()
    await call.write(lambda tx: found.clear(tx, key))


@instruction("CLEAR_RANGE", DATABASE, TENANT)
async def _clear_range(call: Call) -> None:
    begin, end = await call.pop_many(2)
    await call.write(lambda tx: found.clear(tx, begin, end))


@instruction("CLEAR_RANGE_STARTS_WITH", DATABASE, TENANT)
async def _clear_range_starts_with(call: Call) -> None:
    prefix = await call.pop()
    end = found.next_prefix(prefix)
    await call.write(lambda tx: found.clear(tx, prefix, end))


_ATOMIC: dict[str, Callable[[found.Transaction, bytes, bytes], Awaitable[None]]] = {
    "ADD": found.add,
    "AND": found.bit_and,
    "BIT_AND": found.bit_and,
    "OR": found.bit_or,
    "BIT_OR": found.bit_or,
    "XOR": found.bit_xor,
    "BIT_XOR": found.bit_xor,
    "APPEND_IF_FITS": found.append_if_fits,
    "MAX": found.max,
    "MIN": found.min,
    "SET_VERSIONSTAMPED_KEY": found.set_versionstamped_key,
    "SET_VERSIONSTAMPED_VALUE": found.set_versionstamped_value,
    "BYTE_MIN": found.byte_min,
    "BYTE_MAX": found.byte_max,
    "COMPARE_AND_CLEAR": found.compare_and_clear,
}


@instruction("ATOMIC_OP", DATABASE, TENANT)
async def _atomic_op(call: Call) -> None:
    name, key, param = await call.pop_many(3)
    mutate = _ATOMIC[name]
    await call.write(lambda tx: mutate(tx, key, param))


# ---- conflicts ----------------------------------------------------------------------------------------------


@instruction("READ_CONFLICT_RANGE")
async def _read_conflict_range(call: Call) -> None:
    await _add_conflict_range(call, found.CONFLICT_RANGE_TYPE_READ)


@instruction("WRITE_CONFLICT_RANGE")
async def _write_conflict_range(call: Call) -> None:
    await _add_conflict_range(call, found.CONFLICT_RANGE_TYPE_WRITE)


async def _add_conflict_range(call: Call, kind: int) -> None:
    begin, end = await call.pop_many(2)
    found.add_conflict_range(call.tx, begin, end, kind)
    call.push(b"SET_CONFLICT_RANGE")


@instruction("READ_CONFLICT_KEY")
async def _read_conflict_key(call: Call) -> None:
    await _add_conflict_key(call, found.CONFLICT_RANGE_TYPE_READ)


@instruction("WRITE_CONFLICT_KEY")
async def _write_conflict_key(call: Call) -> None:
    await _add_conflict_key(call, found.CONFLICT_RANGE_TYPE_WRITE)


async def _add_conflict_key(call: Call, kind: int) -> None:
    key = await call.pop()
    found.add_conflict_range(call.tx, key, key + b"\x00", kind)
    call.push(b"SET_CONFLICT_KEY")


@instruction("DISABLE_WRITE_CONFLICT")
async def _disable_write_conflict(call: Call) -> None:
    found.set_option(call.tx, found.TransactionOption.NEXT_WRITE_NO_WRITE_CONFLICT_RANGE)


# ---- versions -----------------------------------------------------------------------------------------------


@instruction("GET_READ_VERSION", SNAPSHOT)
async def _get_read_version(call: Call) -> None:
    call.machine.last_version = await found.read_version(call.tx)
    call.push(b"GOT_READ_VERSION")


@instruction("SET_READ_VERSION")
async def _set_read_version(call: Call) -> None:
    await found.set_read_version(call.tx, call.machine.last_version)


@instruction("GET_COMMITTED_VERSION")
async def _get_committed_version(call: Call) -> None:
    call.machine.last_version = found.get_committed_version(call.tx)
    call.push(b"GOT_COMMITTED_VERSION")


@instruction("GET_VERSIONSTAMP")
async def _get_versionstamp(call: Call) -> None:
    call.push(Pending(found.get_versionstamp(call.tx)))


@instruction("GET_APPROXIMATE_SIZE")
async def _get_approximate_size(call: Call) -> None:
    await found.get_approximate_size(call.tx)
    call.push(b"GOT_APPROXIMATE_SIZE")


# ---- the machine itself -------------------------------------------------------------------------------------


@instruction("LOG_STACK")
async def _log_stack(call: Call) -> None:
    prefix = await call.pop()
    rows: list[tuple[bytes, bytes]] = []

    async def write(tx: found.Transaction, rows: list[tuple[bytes, bytes]]) -> None:
        for key, value in rows:
            found.set(tx, key, value)

    for index, entry in enumerate(call.machine.stack.clear()):
        value = found.pack((await entry.value(),))
        rows.append((prefix + found.pack((index, entry.number)), value[:_LOGGED_BYTES]))
    for start in range(0, len(rows), _LOGGED_AT_ONCE):
        await found.transactional(call.db, write, rows[start : start + _LOGGED_AT_ONCE])


@instruction("START_THREAD")
async def _start_thread(call: Call) -> None:
    call.machine.world.start(await call.pop())


@instruction("WAIT_EMPTY")
async def _wait_empty(call: Call) -> None:
    prefix = await call.pop()
    end = found.next_prefix(prefix)

    async def is_empty(tx: found.Transaction) -> None:
        call.machine.world.check()
        if await found.all(found.query(tx, prefix, end, limit=1)):
            raise found.FoundException(NOT_COMMITTED)

    await found.transactional(call.db, is_empty)
    call.push(b"WAITED_FOR_EMPTY")


@instruction("UNIT_TESTS")
async def _unit_tests(call: Call) -> None:
    await unit.run(call.db)


# ---- tenants ------------------------------------------------------------------------------------------------
# They are gone from FoundationDB 8.0 on, and this tester has none: a driver that was told so asks for nothing but what
# is true without one. The rest is refused as an operation that is not supported.


@instruction("TENANT_CLEAR_ACTIVE")
async def _tenant_clear_active(call: Call) -> None:
    pass


@instruction("TENANT_GET_ID")
async def _tenant_get_id(call: Call) -> None:
    call.push(b"NO_ACTIVE_TENANT")


async def _refuse_tenant(call: Call) -> None:
    await call.pop()
    raise found.FoundException(UNSUPPORTED_OPERATION)


for _name in ("TENANT_CREATE", "TENANT_DELETE", "TENANT_SET_ACTIVE"):
    instruction(_name)(_refuse_tenant)


@instruction("TENANT_LIST")
async def _tenant_list(call: Call) -> None:
    await call.pop_many(3)
    raise found.FoundException(UNSUPPORTED_OPERATION)
