"""Patterns of an nstore: variables, what is asked of them, and how a pattern is looked up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, Optional, Union, cast

import found
from found import _found
from found.ext._store import Rows, shown
from found.ext.nstore._tuples import (
    NStore,
    NStoreException,
    Scan,
    check_handle,
    check_width,
    refused,
)

Binding = dict[str, Any]
Path = Optional[tuple[Any, bytes]]
"""Where a binding was found: the path of the binding it extends, and the key of its row."""

PATH: Any = object()
"""What a binding has its path under while a query needs it."""

FIRST, LAST = b"", b"\xff"
"""What every packed item lies between."""


class Variable:
    """A place of a pattern that takes any item, or some, and gives it a name."""

    # Not a named tuple: `found.pack` would take one for a nested tuple, and write it.
    __slots__ = ("checks", "high", "low", "name")

    name: str
    low: bytes
    """The packed item is this or comes after it."""
    high: bytes
    """The packed item comes before this."""
    checks: tuple[Callable[[Any], object], ...]

    def __init__(
        self,
        name: str,
        low: bytes = FIRST,
        high: bytes = LAST,
        checks: tuple[Callable[[Any], object], ...] = (),
    ) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be a str, not {type(name).__name__}")
        self.name = name
        self.low = low
        self.high = high
        self.checks = checks

    @property
    def bounded(self) -> bool:
        return self.low != FIRST or self.high != LAST

    def within(self, low: bytes, high: bytes) -> Variable:
        low = max(self.low, low)
        # What cannot be is a range that is empty, not one that is backwards.
        return Variable(self.name, low, max(low, min(self.high, high)), self.checks)

    def _key(self) -> tuple[Any, ...]:
        return (self.name, self.low, self.high, self.checks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variable) and other._key() == self._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        said = repr(self.name)
        if self.bounded:
            said += f", {self.low!r} <= packed < {self.high!r}"
        return f"var({said}{', ' if self.checks else ''}{', '.join(map(repr, self.checks))})"


class Pattern(NamedTuple):
    """A pattern of `query` that is more than a tuple: `pattern` and `no` return it."""

    items: tuple[Any, ...]
    value: Optional[Variable] = None
    negated: bool = False

    def merged(self) -> Pattern:
        """The same pattern, what is asked of each name asked at each of its places."""
        asked: dict[str, Variable] = {}
        for one in self.variables():
            old = asked.get(one.name, one)
            both = old.within(one.low, one.high)
            checks = old.checks if old is one else old.checks + one.checks
            asked[one.name] = Variable(one.name, both.low, both.high, checks)
        items = tuple(
            asked[item.name] if isinstance(item, Variable) else item for item in self.items
        )
        return self._replace(items=items)

    def variables(self) -> list[Variable]:
        found_in = [item for item in self.items if isinstance(item, Variable)]
        return found_in if self.value is None else [*found_in, self.value]

    def names(self) -> set[str]:
        return {variable.name for variable in self.variables()}


def var(name: str) -> Variable:
    """Return a variable for a pattern: it takes any item, and gives it `name`.

    Variables of one name stand for one item, within a pattern and among the patterns of a query. 1, 1.0 and True
    are different items, as they are in keys.

    Raises:
        TypeError: `name` is no str.
    """
    return Variable(name)


def _variable(variable: Union[str, Variable]) -> Variable:
    if isinstance(variable, Variable):
        return variable
    if not isinstance(variable, str):
        kind = type(variable).__name__
        raise TypeError(f"variable must be a str or what nstore.var returns, not {kind}")
    return Variable(variable)


def _packed(what: str, item: Any) -> bytes:
    try:
        return found.pack((item,))
    except (TypeError, ValueError) as error:
        raise NStoreException(f"{what} is {shown(item)}, which no tuple holds: {error}") from None


def between(variable: Union[str, Variable], low: Any, high: Any) -> Variable:
    """Return a variable for a pattern that takes the items from `low` on that are less than `high`.

    The order is that of keys: items of one type in their own order, and the types one after the other: None, bytes,
    str, tuples, int, SingleFloat, float, bool, UUID, Versionstamp. Where the variable's column comes first after
    those that the pattern has items for, in one of the indexes, only that range is read; else the rows are filtered.

    Args:
        variable: a str, or what `var`, `between`, `prefix` or `satisfying` returned, to ask both.
        low: the first item; `...` for no bound.
        high: the first item that is too much; `...` for no bound.

    Raises:
        NStoreException: `low` or `high` cannot be packed.
        TypeError: `variable` is neither a str nor a variable.
    """
    return _variable(variable).within(
        FIRST if low is ... else _packed("low", low), LAST if high is ... else _packed("high", high)
    )


def prefix(variable: Union[str, Variable], start: Union[str, bytes, tuple[Any, ...]]) -> Variable:
    """Return a variable for a pattern that takes what begins with `start`: strings, bytes or nested tuples.

    It is read or filtered as with `between`.

    Args:
        variable: a str, or what `var`, `between`, `prefix` or `satisfying` returned, to ask both.
        start: a str, bytes or a tuple. Only items of its type begin with it.

    Raises:
        NStoreException: `start` cannot be packed.
        TypeError: `variable` is neither a str nor a variable, or `start` none of these.
    """
    if not isinstance(start, (str, bytes, tuple)):
        raise TypeError(f"start must be a str, bytes or a tuple, not {type(start).__name__}")
    # Without the NUL that ends it.
    begin = _packed("start", start)[:-1]
    return _variable(variable).within(begin, found.next_prefix(begin))


def satisfying(variable: Union[str, Variable], check: Callable[[Any], object]) -> Variable:
    """Return a variable for a pattern that takes the items for which `check(item)` is true.

    All rows of the pattern are read, and filtered here: where it can be said by `between` or `prefix`, say it so.

    Args:
        variable: a str, or what `var`, `between`, `prefix` or `satisfying` returned, to ask both.
        check: a plain function of an item. It may be called several times for one, in any order.

    Raises:
        TypeError: `variable` is neither a str nor a variable, or `check` cannot be called.
    """
    if not callable(check):
        raise TypeError(f"check must be a function, not {type(check).__name__}")
    old = _variable(variable)
    return Variable(old.name, old.low, old.high, (*old.checks, check))


def pattern(*items: Any, value: Union[str, Variable, None] = None) -> Pattern:
    """Return a pattern for `query` that also gives the value of the tuple that matches.

    Args:
        items: what a tuple would have: an item or a variable for each column.
        value: a name or a variable, for the value, which is bytes.

    Raises:
        TypeError: `value` is neither a str nor a variable.
    """
    return Pattern(items, None if value is None else _variable(value))


def no(*items: Any) -> Pattern:
    """Return a pattern for `query` that no tuple may match.

    It is asked once the variables that it shares with the query's other patterns are known; a variable that is in no
    other pattern stands for anything, and is not part of the bindings.

    Args:
        items: an item or a variable for each column.
    """
    return Pattern(items, negated=True)


def as_pattern(store: NStore, given: Any) -> Pattern:
    """A pattern of `query` checked.

    Raises:
        NStoreException: it has not the width of the store.
        TypeError: it is no tuple, list or Pattern.
    """
    check_handle(store)
    if not isinstance(given, Pattern):
        if not isinstance(given, (tuple, list)):
            raise TypeError(f"pattern must be a tuple or a list, not {type(given).__name__}")
        given = Pattern(tuple(cast("tuple[Any, ...]", given)))
    check_width(store, given.items, "pattern")
    # What cannot be packed is told at the call, not when the pattern's turn comes.
    fixed = tuple(item for item in given.items if not isinstance(item, Variable))
    try:
        found.pack(fixed)
    except (TypeError, ValueError) as error:
        raise refused(store, fixed, error) from None
    names = {item.name for item in given.items if isinstance(item, Variable)}
    if given.value is not None and given.value.name in names:
        raise NStoreException(f"{given.value.name!r} is a name for an item and for the value")
    return given.merged()


class Lookup:
    """How a pattern is looked up where some of its variables are known."""

    def __init__(self, store: NStore, pattern: Pattern, known: Collection[str]) -> None:
        self.store = store
        self.pattern = pattern
        columns = 0
        for column, item in enumerate(pattern.items):
            if not isinstance(item, Variable) or item.name in known:
                columns |= 1 << column
        self.scan, self.pushed = self._choose(columns)
        given = [pattern.items[column] for column in self.scan.given]
        fixed = list(itertools.takewhile(lambda item: not isinstance(item, Variable), given))
        self._head = found.pack(fixed, self.scan.head)
        # The items after those that are fixed: a variable's name, or None and the item.
        self._rest: list[tuple[Optional[str], Any]] = [
            (item.name, None) if isinstance(item, Variable) else (None, item)
            for item in given[len(fixed) :]
        ]
        free = [cast("Variable", pattern.items[column]) for column in self.scan.free]
        self.free = tuple(variable.name for variable in free)
        """The variables that the rows give, in the order of the keys."""
        self.point = not free
        """Whether all items are known, so that a get answers."""
        self._tests = self._row_tests(free)
        value = pattern.value
        self._value = None if value is None or pattern.negated else value.name
        self._value_known = value is not None and value.name in known
        bound = pattern.variables()
        seeds = [one for one in bound if one.name in known and one is not value]
        self._seed_checks = [one for one in seeds if one.bounded or one.checks]
        self._row_checks = [one for one in free if one.checks]
        self.filtered = bool(self._tests or self._row_checks or value)
        """Whether rows that were read may be left out."""

    def _choose(self, columns: int) -> tuple[Scan, Optional[Variable]]:
        """The index to scan, and the variable of whose items only a range is scanned."""
        for column, item in enumerate(self.pattern.items):
            if isinstance(item, Variable) and item.bounded and not columns >> column & 1:
                scan = self.store.ranges.get((columns, column))
                if scan is not None:
                    return scan, item
        return self.store.scans[columns], None

    def _row_tests(self, free: list[Variable]) -> Optional[tuple[Any, ...]]:
        """What `_bind` is to test of the items of a row."""
        tests: list[Any] = []
        first: dict[str, int] = {}
        for place, variable in enumerate(free):
            if variable.name in first:
                tests.append(first[variable.name])
            elif variable.bounded and variable is not self.pushed:
                tests.append((variable.low, variable.high))
            else:
                tests.append(None)
            first.setdefault(variable.name, place)
        return tuple(tests) if any(test is not None for test in tests) else None

    def admits(self, seed: Mapping[str, Any]) -> bool:
        """Whether what is known of the variables is what the pattern asks of them."""
        return not self._seed_checks or all(
            admits(variable, seed[variable.name]) for variable in self._seed_checks
        )

    def begin(self, seed: Mapping[str, Any]) -> bytes:
        """What the keys of the rows begin with; all of it, of a point."""
        if not self._rest:
            return self._head
        items = [item if name is None else seed[name] for name, item in self._rest]
        try:
            return found.pack(items, self._head)
        except (TypeError, ValueError) as error:
            raise refused(self.store, tuple(items), error) from None

    def span(self, begin: bytes) -> tuple[bytes, bytes]:
        """The range of the rows."""
        if self.pushed is None:
            return begin, begin + LAST
        return begin + self.pushed.low, begin + self.pushed.high

    def bind(
        self, rows: Rows, skip: int, seed: Binding, path: Optional[tuple[Any, Path]]
    ) -> list[Binding]:
        """The bindings that rows give, each a new dict; `skip` bytes of the keys are known.

        With a `path`, a name and the path of `seed`, each has its own path under that name.
        """
        bindings = _found._bind(rows, skip, self.free, self._tests, self._value, seed, path)
        for variable in self._row_checks:
            bindings = [
                one
                for one in bindings
                if all(check(one[variable.name]) for check in variable.checks)
            ]
        if self._value is not None:
            bindings = self._with_value(bindings, seed)
        return bindings

    def _with_value(self, bindings: list[Binding], seed: Binding) -> list[Binding]:
        """Those whose value is what the pattern asks of it."""
        value = cast("Variable", self.pattern.value)
        if self._value_known:
            bindings = [one for one in bindings if one[value.name] == seed[value.name]]
        return [one for one in bindings if admits(value, one[value.name])]


def admits(variable: Variable, item: Any) -> bool:
    if variable.bounded and not variable.low <= found.pack((item,)) < variable.high:
        return False
    return all(check(item) for check in variable.checks)
