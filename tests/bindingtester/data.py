"""Instructions that work on the stack alone: data, tuples and floats."""

from __future__ import annotations

import struct

import found

from .machine import Call, instruction


@instruction("PUSH")
async def _push(call: Call) -> None:
    call.push(call.argument)


@instruction("DUP")
async def _dup(call: Call) -> None:
    call.machine.stack.duplicate()


@instruction("EMPTY_STACK")
async def _empty_stack(call: Call) -> None:
    call.machine.stack.clear()


@instruction("SWAP")
async def _swap(call: Call) -> None:
    call.machine.stack.swap(await call.pop())


@instruction("POP")
async def _pop(call: Call) -> None:
    await call.pop()


@instruction("SUB")
async def _sub(call: Call) -> None:
    a, b = await call.pop_many(2)
    call.push(a - b)


@instruction("CONCAT")
async def _concat(call: Call) -> None:
    a, b = await call.pop_many(2)
    call.push(a + b)


@instruction("WAIT_FUTURE")
async def _wait_future(call: Call) -> None:
    entry = call.machine.stack.pop()
    call.machine.stack.push(entry.number, await entry.value())


@instruction("TUPLE_PACK")
async def _tuple_pack(call: Call) -> None:
    call.push(found.pack(tuple(await call.pop_many(await call.pop()))))


@instruction("TUPLE_PACK_WITH_VERSIONSTAMP")
async def _tuple_pack_with_versionstamp(call: Call) -> None:
    prefix = await call.pop()
    items = tuple(await call.pop_many(await call.pop()))
    try:
        packed = found.pack_with_versionstamp(items, prefix)
    except ValueError:
        several = found.has_incomplete_versionstamp(items)
        call.push(b"ERROR: MULTIPLE" if several else b"ERROR: NONE")
    else:
        call.push(b"OK")
        call.push(packed)


@instruction("TUPLE_UNPACK")
async def _tuple_unpack(call: Call) -> None:
    for item in found.unpack(await call.pop()):
        call.push(found.pack((item,)))


@instruction("TUPLE_RANGE")
async def _tuple_range(call: Call) -> None:
    begin, end = found.range(tuple(await call.pop_many(await call.pop())))
    call.push(begin)
    call.push(end)


@instruction("TUPLE_SORT")
async def _tuple_sort(call: Call) -> None:
    packed = await call.pop_many(await call.pop())
    # Tuples of mixed types have no order in Python: that of their bytes is the tuple layer's.
    for item in sorted((found.unpack(each) for each in packed), key=found.pack):
        call.push(found.pack(item))


@instruction("ENCODE_FLOAT")
async def _encode_float(call: Call) -> None:
    call.push(found.SingleFloat(struct.unpack(">f", await call.pop())[0]))


@instruction("ENCODE_DOUBLE")
async def _encode_double(call: Call) -> None:
    call.push(struct.unpack(">d", await call.pop())[0])


@instruction("DECODE_FLOAT")
async def _decode_float(call: Call) -> None:
    call.push(struct.pack(">f", (await call.pop()).value))


@instruction("DECODE_DOUBLE")
async def _decode_double(call: Call) -> None:
    call.push(struct.pack(">d", await call.pop()))
