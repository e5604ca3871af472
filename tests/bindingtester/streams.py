"""Streams of instructions, each a function of its seed.

`api` draws with the weights of the official test of that name, `tuples` is as the official `tuple`. `interleaved` is
ours: it draws as `api` does and goes from transaction to transaction, so that commits conflict; `threaded` has several
programs side by side, each in keys of its own. What a stream does never depends on how fast it is executed: what is
read is waited for before anything that is read could change.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import found

from .api import Api, Space
from .programs import BYTES, OTHER, Program

PREFIX = b"test_spec"
"""Where the instructions of the first machine are."""


class Part(NamedTuple):
    """What one machine executes, and where."""

    space: Space
    instructions: list[tuple[Any, ...]]
    versionstamps: frozenset[int]
    """The instructions that push a versionstamp."""


class Stream(NamedTuple):
    """Parts by the prefix their instructions are under. The first is `PREFIX` and starts the others."""

    seed: int
    parts: dict[bytes, Part]


def api(seed: int, count: int = 200) -> Stream:
    """One transaction at a time, as the official test without concurrency."""
    draw = random.Random(seed)
    space = Space("api")
    program = Api(draw, space, PREFIX, keys=draw.randint(50, 400))
    program.generate(count)
    return _stream(seed, {PREFIX: (space, program)})


def interleaved(seed: int, count: int = 200) -> Stream:
    """Three transactions in turn over few keys: they conflict."""
    draw = random.Random(seed)
    space = Space("interleaved")
    names = [PREFIX, b"second", b"third"]
    program = Api(draw, space, PREFIX, keys=10, names=names)
    program.generate(count)
    return _stream(seed, {PREFIX: (space, program)})


def tuples(seed: int, powers: int = 40) -> Stream:
    """Integers around powers of two, and what packs to the same bytes."""
    draw = random.Random(seed)
    space = Space("tuples")
    program = Program()
    program.then("NEW_TRANSACTION")
    largest = (1 << 2040) - 1
    for power in {0, 8, 64, 2040, *(draw.randint(1, 2040) for _ in range(powers))}:
        for sign in (-1, 1):
            for offset in range(-10, 11):
                value = sign * (1 << power) + offset
                if -largest <= value <= largest:
                    program.push(1, value)
                    program.then("TUPLE_PACK", pops=2, pushes=[BYTES])
                    program.push(space.workspace + found.pack((sign, power, offset)))
                    program.then("SET", pops=2)
        program.commit()
    program.log_stack(space.stack)
    return _stream(seed, {PREFIX: (space, program)})


def threaded(seed: int, count: int = 60, threads: int = 3) -> Stream:
    """Threads in keys of their own, and a main one that waits for them and reads what they wrote."""
    draw = random.Random(seed)
    main_space = Space("main")
    main = Program()
    main.then("NEW_TRANSACTION")
    waiting = main_space.root + found.pack(("waiting",))
    programs: dict[bytes, tuple[Space, Program]] = {PREFIX: (main_space, main)}
    for number in range(threads):
        name = b"thread%d" % number
        space = Space(f"thread {number}")
        program = Api(draw, space, name, keys=draw.randint(20, 100), alone=False)
        program.generate(count)
        wait_key = waiting + name
        program.push(wait_key)
        program.then("CLEAR_DATABASE", pops=1, pushes=[OTHER])
        program.then("WAIT_FUTURE")
        programs[name] = (space, program)
        main.push(wait_key, b"")
        main.then("SET_DATABASE", pops=2, pushes=[OTHER])
        main.then("WAIT_FUTURE")
    for name in programs:
        if name != PREFIX:
            main.push(name)
            main.then("START_THREAD", pops=1)
    main.push(waiting)
    main.then("WAIT_EMPTY", pops=1, pushes=[BYTES])
    for space, _ in programs.values():
        main.push(space.workspace, 0, 0, -1)
        main.then("GET_RANGE_STARTS_WITH_DATABASE", pops=4, pushes=[OTHER])
        main.then("WAIT_FUTURE")
    main.log_stack(main_space.stack)
    return _stream(seed, programs)


def _stream(seed: int, programs: dict[bytes, tuple[Space, Program]]) -> Stream:
    parts: dict[bytes, Part] = {}
    for name, (space, program) in programs.items():
        versionstamps = program.versionstamps if isinstance(program, Api) else []
        parts[name] = Part(space, program.instructions, frozenset(versionstamps))
    return Stream(seed, parts)
