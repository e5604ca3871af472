"""The machine: it reads instructions from the database and executes them, one after the other.

What the instructions do is in `data` and `database`, which register them here; where further machines run is for a
`World` to say, of which `aio` and `threads` have one each.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Callable, Final, NamedTuple, Optional

import found

from .stack import RESULT_NOT_PRESENT, Pending, Stack, packed_error

SNAPSHOT: Final = "_SNAPSHOT"
DATABASE: Final = "_DATABASE"
TENANT: Final = "_TENANT"

# Rows of instructions read in one transaction: far less than five seconds of reading.
_PAGE = 5_000


class MachineError(Exception):
    """An instruction that could not be executed: the tester or the binding is wrong."""


class Stopped(Exception):
    """Another machine has failed, so this one need not go on."""


Execute = Callable[["Call"], Awaitable[None]]


class _Instruction(NamedTuple):
    execute: Execute
    variant: str


INSTRUCTIONS: Final[dict[str, _Instruction]] = {}
"""Every instruction there is, by its whole name."""


def instruction(name: str, *variants: str) -> Callable[[Execute], Execute]:
    """Register what executes an instruction, and the same with suffixes."""

    def register(execute: Execute) -> Execute:
        for variant in ("", *variants):
            INSTRUCTIONS[name + variant] = _Instruction(execute, variant)
        return execute

    return register


class World:
    """What machines share: a database, and transactions by name."""

    def __init__(self, db: found.Database) -> None:
        self.db = db
        self.machines: list[Machine] = []
        self.failure: Optional[BaseException] = None
        self._transactions: dict[bytes, found.Transaction] = {}
        self._lock = threading.Lock()

    def start(self, prefix: bytes) -> None:
        """Have a new machine execute the instructions under a prefix, concurrently with this one."""
        machine = Machine(self, prefix)
        with self._lock:
            self.machines.append(machine)
        self._run(machine)

    def _run(self, machine: Machine) -> None:
        raise NotImplementedError

    def transaction(self, name: bytes) -> found.Transaction:
        """The transaction of this name, a new one if there is none."""
        with self._lock:
            tx = self._transactions.get(name)
            if tx is None:
                tx = self._transactions[name] = found.make_transaction(self.db)
            return tx

    def new_transaction(self, name: bytes) -> None:
        with self._lock:
            self._transactions[name] = found.make_transaction(self.db)

    def check(self) -> None:
        """Stop the machine that asks, if another one has failed."""
        if self.failure is not None:
            raise Stopped

    def executed(self) -> Counter[str]:
        """How often each instruction was executed."""
        return sum((machine.executed for machine in self.machines), Counter[str]())


class Machine:
    """A stack machine and its state."""

    def __init__(self, world: World, prefix: bytes) -> None:
        self.world = world
        self.prefix = prefix
        self.stack = Stack()
        self.transaction_name = prefix
        self.last_version = 0
        self.executed: Counter[str] = Counter()

    @property
    def transaction(self) -> found.Transaction:
        return self.world.transaction(self.transaction_name)

    async def run(self) -> None:
        """Execute every instruction under the prefix."""
        number = -1
        async for number, (operation, argument) in _enumerated(self._instructions()):
            self.world.check()
            try:
                await self._execute(number, operation, argument)
            except Stopped:
                raise
            except Exception as error:
                where = f"instruction {number}, {operation}, under {self.prefix!r}"
                raise MachineError(f"{where}: {type(error).__name__}: {error}") from error
        if number < 0:
            # An empty range is no test that has passed.
            raise MachineError(f"no instructions under {self.prefix!r}")

    async def _execute(self, number: int, operation: str, argument: Any) -> None:
        known = INSTRUCTIONS.get(operation)
        if known is None:
            raise LookupError("there is no such instruction")
        self.executed[operation] += 1
        try:
            await known.execute(Call(self, number, known.variant, argument))
        except found.FoundException as error:
            self.stack.push(number, packed_error(error.code))

    async def _instructions(self) -> AsyncIterator[tuple[str, Any]]:
        first, end = found.range((self.prefix,))
        begin = found.gte(first)
        while True:
            rows = await found.transactional(
                self.world.db, _page, begin, found.gte(end), snapshot=True
            )
            for _, value in rows:
                operation, *argument = found.unpack(value)
                yield operation, argument[0] if argument else None
            if len(rows) < _PAGE:
                return
            begin = found.gt(rows[-1][0])


async def _page(
    tx: found.Transaction, begin: found.KeySelector, end: found.KeySelector
) -> list[tuple[bytes, bytes]]:
    return await found.all(found.query(tx, begin, end, limit=_PAGE))


async def _enumerated(
    items: AsyncIterator[tuple[str, Any]],
) -> AsyncIterator[tuple[int, tuple[str, Any]]]:
    number = 0
    async for item in items:
        yield number, item
        number += 1


Read = Callable[[found.Transaction, Optional[bool]], Awaitable[Any]]
"""Reads in a transaction; the second argument is whether it is a snapshot read."""
Write = Callable[[found.Transaction], Awaitable[Any]]


class Call:
    """One execution of an instruction: its machine and the means to pop and to push."""

    __slots__ = ("argument", "machine", "number", "variant")

    def __init__(self, machine: Machine, number: int, variant: str, argument: Any) -> None:
        self.machine = machine
        self.number = number
        self.variant = variant
        self.argument = argument

    @property
    def db(self) -> found.Database:
        return self.machine.world.db

    @property
    def tx(self) -> found.Transaction:
        return self.machine.transaction

    async def pop(self) -> Any:
        return await self.machine.stack.pop().value()

    async def pop_many(self, count: int) -> list[Any]:
        """Pop so many values, the top first."""
        return [await self.pop() for _ in range(count)]

    def push(self, item: Any) -> None:
        self.machine.stack.push(self.number, item)

    @property
    def _on_database(self) -> bool:
        # There is never an active tenant, and without one _TENANT means _DATABASE.
        return self.variant in (DATABASE, TENANT)

    async def read(self, read: Read) -> Any:
        """Read as the suffix of the instruction says."""
        if self._on_database:
            return await found.transactional(self.db, read, None)
        return await read(self.tx, self.variant == SNAPSHOT)

    async def push_read(
        self, read: Read, finish: Callable[[Any], Any] = lambda value: value
    ) -> None:
        """Read, and push what is read: of a transaction it is waited for when it is popped."""
        if self._on_database:
            value = await found.transactional(self.db, read, None)
            self.push(RESULT_NOT_PRESENT if value is None else finish(value))
        else:
            self.push(Pending(read(self.tx, self.variant == SNAPSHOT), finish))

    async def write(self, write: Write) -> None:
        """Write as the suffix of the instruction says; a write to the database is committed."""
        if self._on_database:
            await found.transactional(self.db, write)
            self.push(RESULT_NOT_PRESENT)
        else:
            await write(self.tx)
