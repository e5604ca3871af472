"""FoundationDB's binding tester: its machine over `found` in both forms, and once more over FoundationDB's own binding.

The second machine runs in a process of its own on this project's libfdb_c, or, where `FOUND_TEST_CLUSTER_FILE` names a
cluster, on that cluster with the client that is installed. What the machines are and where the official driver runs
them is told in tests/bindingtester.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

import pytest
from bindingtester import aio, driver, script, streams, threads
from bindingtester.machine import INSTRUCTIONS, Call
from bindingtester.streams import PREFIX, Part, Space, Stream
from conftest import CLUSTER_FILE

import found

ROOT = Path(__file__).resolve().parents[1]
# What `make libfdb_c` builds, if no other is named.
LIBRARY = Path(
    os.environ.get("FOUND_TEST_LIBFDB_C")
    or ROOT / "build" / "lib" / ("libfdb_c.dylib" if sys.platform == "darwin" else "libfdb_c.so")
)
# What a machine takes at most, on a slow machine that does more beside it.
DEADLINE = 120

STREAMS: dict[str, Callable[[int], Stream]] = {
    "api": streams.api,
    "interleaved": streams.interleaved,
    "threaded": streams.threaded,
    "tuples": streams.tuples,
}
SEEDS = {"api": 8, "interleaved": 8, "threaded": 4, "tuples": 2}
# Streams that have failed once, and what was wrong; they are kept for ever.
FAILED = [
    # With latency a reset replaced an error that was known before it.
    ("api", 134),
    ("api", 221),
    ("interleaved", 184),
    ("threaded", 168),
]
CASES = [(kind, seed) for kind, count in SEEDS.items() for seed in range(count)] + FAILED


class Form(NamedTuple):
    run: Callable[[Optional[str], bytes], Counter[str]]
    address: str
    """Of an embedded database, new for each number; late answers come in the order of a seed."""


FORMS = {
    "tasks": Form(aio.run, "memory:binding-tester-{number}"),
    "tasks_late": Form(aio.run, "memory:binding-tester-{number}?latency={seed}"),
    "threads": Form(threads.run, "memory:binding-tester-{number}"),
    "threads_late": Form(threads.run, "memory:binding-tester-{number}?latency={seed}"),
}
if CLUSTER_FILE:
    # Answers are late there anyway.
    FORMS = {name: FORMS[name] for name in ("tasks", "threads")}
each_form = pytest.mark.parametrize("form", FORMS)
each_command = pytest.mark.parametrize("command", ["aio", "threads"])

_numbers = itertools.count()


def address_for(form: Form, seed: int = 0) -> str:
    return CLUSTER_FILE or form.address.format(number=next(_numbers), seed=seed)


def execute(form: Form, stream: Stream) -> driver.Left:
    """What a stream leaves that our tester executes."""
    address = address_for(form, stream.seed)
    driver.insert(address, stream)
    return driver.collect(address, stream, form.run(address, PREFIX))


class Reference:
    """FoundationDB's binding, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left: dict[tuple[str, int], driver.Left] = {}

    def execute(self, stream: Stream, name: str) -> tuple[str, Counter[str]]:
        """Where a stream was executed, and what."""
        address = CLUSTER_FILE or f"embedded:{self._folder / name}"
        driver.insert(address, stream)
        environment = dict(os.environ)
        if not CLUSTER_FILE:
            for variable in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
                paths = [str(LIBRARY.parent), os.environ.get(variable)]
                environment[variable] = os.pathsep.join(path for path in paths if path)
        ended = run_command("reference", address, environment=environment)
        assert ended.returncode == 0, ended.stderr
        said = json.loads(ended.stdout)
        assert CLUSTER_FILE or "found" in said["client"], f"another library has answered: {said}"
        return address, Counter(said["executed"])

    def left(self, kind: str, seed: int) -> driver.Left:
        """What a stream leaves; each is executed once."""
        if (kind, seed) not in self._left:
            stream = STREAMS[kind](seed)
            address, executed = self.execute(stream, f"{kind}-{seed}")
            self._left[kind, seed] = driver.collect(address, stream, executed)
        return self._left[kind, seed]

    def again(self, kind: str, seed: int) -> None:
        """Forget what a stream has left."""
        del self._left[kind, seed]


def run_command(
    module: str,
    address: Optional[str],
    prefix: str = PREFIX.decode(),
    version: str = "730",
    environment: Optional[dict[str, str]] = None,
) -> subprocess.CompletedProcess[str]:
    """Run a tester as the official driver does."""
    command = [sys.executable, "-m", f"tests.bindingtester.{module}", prefix, version]
    return subprocess.run(
        command if address is None else [*command, address],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    if not CLUSTER_FILE and not LIBRARY.exists():
        assert "FOUND_TEST_LIBFDB_C" not in os.environ, f"there is no {LIBRARY}"
        pytest.skip(f"there is no {LIBRARY}: make libfdb_c")
    return Reference(tmp_path_factory.mktemp("reference"))


# ---- streams ------------------------------------------------------------------------------------------------


def execute_everywhere(
    reference: Reference, kind: str, seed: int
) -> tuple[dict[str, driver.Left], driver.Left]:
    """What a stream leaves in each form, and as it should be."""
    stream = STREAMS[kind](seed)
    for _ in range(3):
        left = {name: execute(form, stream) for name, form in FORMS.items()}
        expected = reference.left(kind, seed)
        if not any(one.met(driver.TIME_DEPENDENT) for one in (*left.values(), expected)):
            return left, expected
        reference.again(kind, seed)
    raise AssertionError("three times a transaction has become too old")


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_both_forms_leave_what_foundationdbs_binding_leaves(
    reference: Reference, kind: str, seed: int
) -> None:
    stream = STREAMS[kind](seed)
    left, expected = execute_everywhere(reference, kind, seed)
    # Nothing is proved by what was not done.
    assert expected.executed == Counter(
        operation for part in stream.parts.values() for operation, *_ in part.instructions
    )
    assert all(expected.stacks.values()) and expected.rows
    for name, one in left.items():
        differs = driver.differences(one, expected, stream)
        assert not differs, "\n".join([f"{name} and the reference differ", *differs])


def test_the_streams_have_every_instruction_and_leave_every_kind_of_key(
    reference: Reference,
) -> None:
    executed: Counter[str] = Counter()
    errors: Counter[bytes] = Counter()
    workspace = stamps = 0
    for kind, seed in CASES:
        left = reference.left(kind, seed)
        executed += left.executed
        stamps += len(left.stamps)
        parts = STREAMS[kind](seed).parts.values()
        workspace += sum(
            key.startswith(part.space.workspace) for part in parts for key in left.rows
        )
        for stack in left.stacks.values():
            errors.update(value for _, value in stack.values() if b"\x01ERROR\x00" in value[:10])
    scripted = {"EMPTY_STACK", "UNIT_TESTS"}
    of_suffixes = {name for name in INSTRUCTIONS if "TENANT" in name} - {"GET_TENANT"}
    assert set(executed) == set(INSTRUCTIONS) - scripted - of_suffixes
    assert min(executed.values()) >= 3, executed
    assert workspace > 1_000
    assert stamps > 10
    conflict = found.pack((script.error(1020),))
    assert errors[conflict] > 5 and len(errors) > 10, errors


class Wrong(NamedTuple):
    """An instruction that does what it should not."""

    name: str
    execute: Callable[[Call], Awaitable[None]]
    kind: str


async def _sub(call: Call) -> None:
    a, b = await call.pop_many(2)
    call.push(b - a)


async def _get_without_conflict(call: Call) -> None:
    key = await call.pop()
    value = await found.get(call.tx, key, snapshot=True)
    call.push(b"RESULT_NOT_PRESENT" if value is None else value)


async def _get_key(call: Call) -> None:
    key, or_equal, offset, prefix = await call.pop_many(4)
    result = await found.get_key(call.tx, found.KeySelector(key, not or_equal, offset))
    outside = prefix if result < prefix else found.next_prefix(prefix)
    call.push(result if result.startswith(prefix) else outside)


async def _get_range(call: Call) -> None:
    begin, end, limit, _, mode = await call.pop_many(5)
    rows = await found.all(
        found.query(call.tx, found.gte(begin), found.gte(end), limit=limit, mode=mode)
    )
    call.push(found.pack(tuple(item for row in rows for item in row)))


async def _atomic_op(call: Call) -> None:
    name, key, param = await call.pop_many(3)
    mutate = getattr(found, name.lower()) if "STAMP" in name else found.set
    await mutate(call.tx, key, param)


async def _wait_future(call: Call) -> None:
    call.push(await call.pop())


async def _nothing(call: Call) -> None:
    pass


PLANTED = {
    "difference_the_other_way": Wrong("SUB", _sub, "api"),
    "reads_without_conflicts": Wrong("GET", _get_without_conflict, "interleaved"),
    "or_equal_inverted": Wrong("GET_KEY", _get_key, "api"),
    "reverse_ignored": Wrong("GET_RANGE", _get_range, "api"),
    "operands_set": Wrong("ATOMIC_OP", _atomic_op, "api"),
    "number_of_the_wait": Wrong("WAIT_FUTURE", _wait_future, "api"),
    "reset_forgotten": Wrong("RESET", _nothing, "api"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_the_comparison_finds_a_planted_bug(
    reference: Reference, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    wrong = PLANTED[planted]
    right = INSTRUCTIONS[wrong.name]
    monkeypatch.setitem(INSTRUCTIONS, wrong.name, right._replace(execute=wrong.execute))
    for seed in range(SEEDS[wrong.kind]):
        stream = STREAMS[wrong.kind](seed)
        left = execute(FORMS["tasks"], stream)
        if driver.differences(left, reference.left(wrong.kind, seed), stream):
            return
    raise AssertionError(f"{planted} went unnoticed")


def test_a_stream_is_a_function_of_its_seed() -> None:
    for make in STREAMS.values():
        one, same, other = make(1), make(1), make(2)
        instructions = [part.instructions for part in one.parts.values()]
        assert repr(instructions) == repr([part.instructions for part in same.parts.values()])
        assert repr(instructions) != repr([part.instructions for part in other.parts.values()])


# ---- the script ---------------------------------------------------------------------------------------------


def check_script(address: str, sections: list[script.Section]) -> None:
    """Hold what the script has logged against what was written down."""
    before = 0
    for section in sections:
        logged = driver.logged(address, script.stack_of(section))
        stack = [(number - before, value) for _, number, value in logged]
        expected = [(number, script.logged(value)) for number, value in section.expected]
        assert [index for index, *_ in logged] == list(range(len(expected))), section.name
        assert stack == expected, section.name
        before += len(section.instructions) + script.INSTRUCTIONS_AFTER_A_SECTION


@each_form
def test_the_script_leaves_what_the_specification_says(form: str) -> None:
    sections = script.SECTIONS + script.OF_A_BINDING_WITHOUT_TENANTS
    stream = script.stream(sections)
    address = address_for(FORMS[form])
    driver.insert(address, stream)
    executed = FORMS[form].run(address, PREFIX)
    assert set(executed) == set(INSTRUCTIONS), "the script is to touch each instruction"
    check_script(address, sections)


def test_the_reference_leaves_what_the_specification_says(reference: Reference) -> None:
    address, _ = reference.execute(script.stream(script.SECTIONS), "script")
    check_script(address, script.SECTIONS)


@pytest.mark.parametrize(
    ("name", "wrong"), [("DISABLE_WRITE_CONFLICT", _nothing), ("GET_KEY_SNAPSHOT", _get_key)]
)
def test_the_script_finds_a_planted_bug(
    monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[[Call], Awaitable[None]]
) -> None:
    monkeypatch.setitem(INSTRUCTIONS, name, INSTRUCTIONS[name]._replace(execute=wrong))
    address = address_for(FORMS["tasks"])
    driver.insert(address, script.stream(script.SECTIONS))
    FORMS["tasks"].run(address, PREFIX)
    with pytest.raises(AssertionError):
        check_script(address, script.SECTIONS)


# ---- the command --------------------------------------------------------------------------------------------


def _program(*instructions: tuple[Any, ...], **others: list[tuple[Any, ...]]) -> Stream:
    parts = {PREFIX: Part(Space("command"), list(instructions), frozenset())}
    for name, program in others.items():
        parts[name.encode()] = Part(Space(name), program, frozenset())
    return Stream(0, parts)


def _database(folder: Path) -> str:
    return CLUSTER_FILE or f"embedded:{folder / 'db'}"


@each_command
def test_the_command_ends_well_and_tells_what_it_did(command: str, tmp_path: Path) -> None:
    address = _database(tmp_path)
    thread = [("PUSH", 2), ("POP",)]
    driver.insert(address, _program(("PUSH", b"side"), ("START_THREAD",), ("PUSH", 1), side=thread))
    ended = run_command(command, address)
    assert (ended.returncode, ended.stderr) == (0, "")
    executed = json.loads(ended.stdout)["executed"]
    assert executed == {"PUSH": 3, "POP": 1, "START_THREAD": 1}


@each_command
def test_an_instruction_that_is_unknown_is_an_exit_code(command: str, tmp_path: Path) -> None:
    address = _database(tmp_path)
    driver.insert(address, _program(("PUSH", 1), ("DIRECTORY_CREATE",)))
    ended = run_command(command, address)
    assert ended.returncode == 1
    assert "instruction 1, DIRECTORY_CREATE" in ended.stderr


@each_command
def test_an_empty_range_is_no_test_that_has_passed(command: str, tmp_path: Path) -> None:
    address = _database(tmp_path)
    driver.insert(address, _program(("PUSH", 1)))
    ended = run_command(command, address, prefix="misspelt")
    assert ended.returncode == 1
    assert "no instructions under b'misspelt'" in ended.stderr


@each_command
def test_a_thread_that_fails_ends_those_that_wait_for_it(command: str, tmp_path: Path) -> None:
    address = _database(tmp_path)
    waiting = Space("command").root + b"waiting"
    main = [
        ("PUSH", b""),
        ("PUSH", waiting),
        ("SET_DATABASE",),
        ("PUSH", b"broken"),
        ("START_THREAD",),
        ("PUSH", waiting),
        ("WAIT_EMPTY",),
    ]
    driver.insert(address, _program(*main, broken=[("PUSH", b"a"), ("PUSH", 1), ("SUB",)]))
    ended = run_command(command, address)
    assert ended.returncode == 1
    assert "instruction 2, SUB, under b'broken'" in ended.stderr


@pytest.mark.parametrize("version", ["23", "700", "740"])
def test_a_version_that_is_not_spoken_is_refused(version: str) -> None:
    ended = run_command("aio", "memory:", version=version)
    assert ended.returncode == 2
    assert f"API version {version} is not one of 710 to 730" in ended.stderr
