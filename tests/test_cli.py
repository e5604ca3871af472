"""`python -m found`: what a shell sees of it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from portable_files import Rows, fill, read_file, rows_of
from processes import Program, output_of, run_program
from support import run

import found
from found import _cli
from found._cli import addresses, progress
from found.ext import nstore
from found.portable import Progress

Capture = pytest.CaptureFixture[str]


def database(path: Path, rows: Rows) -> str:
    """The address of a database in a file that has these rows."""
    address = f"embedded:{path}"

    async def make() -> None:
        async with await found.open(address) as db:
            await fill(db, rows)

    run(make())
    return address


def contents(address: str) -> Rows:
    async def read() -> Rows:
        async with await found.open(address) as db:
            return await rows_of(db)

    return run(read())


ROWS: Rows = [(b"a%d" % n, b"v") for n in range(5)] + [(b"b\x00\\c", b""), (b"b\xfe", b"w")]


@pytest.fixture
def address(tmp_path: Path) -> str:
    return database(tmp_path / "db", ROWS)


def test_a_database_moves_in_two_commands(address: str, tmp_path: Path, capsys: Capture) -> None:
    file, target = str(tmp_path / "file"), f"embedded:{tmp_path / 'target'}"
    assert _cli.main(["dump", address, file]) == 0
    assert "7 rows, 22 B, of one read version" in capsys.readouterr().out
    assert _cli.main(["check", file]) == 0
    said = capsys.readouterr()
    assert "is whole: 7 rows" in said.out and address in said.out and said.err == ""
    assert _cli.main(["load", file, target]) == 0
    assert "7 rows" in capsys.readouterr().out
    assert contents(target) == ROWS


def test_programs_get_json(address: str, tmp_path: Path, capsys: Capture) -> None:
    file = str(tmp_path / "file")
    assert _cli.main(["dump", "--json", address, file]) == 0
    dumped = json.loads(capsys.readouterr().out)
    assert (dumped["rows"], dumped["bytes"], dumped["blocks"]) == (7, 22, 1)
    assert dumped["first_version"] == dumped["last_version"] > 0
    assert _cli.main(["check", "--json", file]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["source"] == address and checked["ranges"] == [["", "ff"]]
    assert checked["rows"] == 7


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--prefix", "a"], ROWS[:5]),
        (["--prefix", "b", "--prefix", r"a4"], ROWS[4:]),
        (["--begin", "a3", "--end", r"b\x01"], [*ROWS[3:5], ROWS[5]]),
        (["--begin", r"b\x00\\d"], ROWS[6:]),
        (["--prefix", ""], ROWS),
        (["--end", "a"], []),
    ],
)
def test_keys_are_chosen(
    arguments: list[str], expected: Rows, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    assert _cli.main(["dump", *arguments, address, str(file)]) == 0
    assert read_file(file) == expected


def test_keys_are_written_with_escapes() -> None:
    assert addresses.key("caf\u00e9") == "caf\u00e9".encode()
    assert addresses.key(r"\x00a\xFF\\x41") == b"\x00a\xff\\x41"
    for wrong in ("\\", r"\x4", r"\n", r"a\xg0"):
        with pytest.raises(argparse.ArgumentTypeError, match="backslash"):
            addresses.key(wrong)


def fails(arguments: list[str], code: int, capsys: Capture, *words: str) -> None:
    """Run a command that fails: with a sentence, not a traceback."""
    capsys.readouterr()
    assert _cli.main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("found: ") and said.err.count("\n") == 1
    assert "Error" not in said.err and "Traceback" not in said.err
    for word in words:
        assert word in said.err


def test_mistakes_are_sentences(address: str, tmp_path: Path, capsys: Capture) -> None:
    file, letter = str(tmp_path / "file"), tmp_path / "letter"
    letter.write_text("Dear database, ...")
    there = str(tmp_path / "not" / "there")
    fails(["dump", f"embedded:{there}", file], 1, capsys, there, "no such database")
    fails(["dump", address, there], 1, capsys, there, "No such file")
    fails(["dump", f"{address}?fats=1", file], 1, capsys, "unknown option fats")
    fails(["dump", f"embedded:{letter}", file], 1, capsys, str(letter))
    fails(["dump", address, str(letter)], 4, capsys, str(letter), "no portable file")
    fails(["dump", "--begin", "b", "--end", "a", address, file], 2, capsys, "end after it begins")
    fails(["dump", "--begin", "b", "--prefix", "a", address, file], 2, capsys, "exclude each other")
    fails(["dump", "--end", r"\xff\xff", address, file], 2, capsys, "at the latest")
    target = f"embedded:{tmp_path / 'target'}"
    fails(["load", there, target], 1, capsys, there)
    fails(["load", str(letter), target], 1, capsys, "no portable file")
    for command in (["dump", "memory:", file], ["load", file, "memory:name"]):
        fails(command, 2, capsys, "of one process")
    fails(["check", str(letter)], 1, capsys, "no portable file")
    fails(["check", there], 1, capsys, there)
    fails(["check", str(tmp_path)], 1, capsys, str(tmp_path))
    assert letter.read_text() == "Dear database, ..."
    assert not (tmp_path / "not").exists()


def test_what_would_be_overwritten_is_refused(
    address: str, tmp_path: Path, capsys: Capture
) -> None:
    file = str(tmp_path / "file")
    assert _cli.main(["dump", address, file]) == 0
    fails(["dump", address, file], 4, capsys, "finished dump already")
    other = database(tmp_path / "other", [(b"a0", b"other"), (b"z", b"other")])
    fails(["load", file, other], 4, capsys, "replace", "merge")
    assert _cli.main(["load", "--merge", file, other]) == 0
    assert contents(other) == [*ROWS, (b"z", b"other")]
    assert _cli.main(["load", "--replace", file, other]) == 0
    assert contents(other) == ROWS
    assert _cli.main(["dump", "--overwrite", other, file]) == 0


def test_damage_has_an_exit_code_of_its_own(address: str, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "file"
    assert _cli.main(["dump", address, str(file)]) == 0
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    fails(["check", str(file)], 3, capsys, "cut off")
    file.write_bytes(
        whole.replace(b"memory", b"mammal").replace(address.encode(), b"x" * len(address))
    )
    fails(["check", str(file)], 3, capsys, "the header", "checksum")
    fails(["load", str(file), f"embedded:{tmp_path / 'target'}"], 3, capsys, "the header")


def test_a_command_line_that_makes_no_sense_is_a_usage_error(capsys: Capture) -> None:
    for arguments in ([], ["move"], ["dump"], ["dump", "--prefix", r"\q", "memory:", "f"]):
        with pytest.raises(SystemExit) as ended:
            _cli.main(arguments)
        assert ended.value.code == 2
        assert "usage: python -m found" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["dump"], ["load"], ["check"], ["compact"], ["fsck"]])
def test_there_is_help(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "found", *arguments, "--help"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == ""
    assert ended.stdout.startswith("usage: python -m found") and len(ended.stdout) > 300


# Waits in the middle of its work, with blocks behind it and blocks before it, until it is interrupted.
INTERRUPTED = """\
import signal, sys, time
from found import _cli
from found._cli import progress
from found.portable import _dump
_dump._FULL_ROWS = 10
shown, came = [], []

def show(self, progress):
    shown.append(progress)
    if len(shown) != 10:
        return
    interrupt = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *of: (came.append(of), interrupt(*of)))
    print("going", flush=True)
    while not came:
        time.sleep(0.001)

progress.Display.show = show
sys.exit(_cli.main({arguments!r}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_dump_and_an_interrupted_load_go_on(tmp_path: Path) -> None:
    rows: Rows = [(b"%05d" % n, b"") for n in range(10_000)]
    address = database(tmp_path / "db", rows)
    file, target = tmp_path / "file", f"embedded:{tmp_path / 'target'}"
    for arguments, word in (
        (["dump", address, str(file)], "going on after them"),
        (["load", str(file), target], "blocks are there already"),
    ):
        program = Program(INTERRUPTED.format(arguments=arguments))
        assert program.read_line() == "going"
        program.interrupt()
        ended = program.end()
        assert ended.returncode == 130
        assert ended.stderr == "found: interrupted: the same command goes on from here\n"
        again = run_program(f"from found import _cli; raise SystemExit(_cli.main({arguments!r}))")
        assert again.returncode == 0 and word in again.stderr
    assert read_file(file) == rows and contents(target) == rows


class Terminal:
    """A stderr that is, or is no terminal."""

    def __init__(self, is_terminal: bool) -> None:
        self.text = ""
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def shown(monkeypatch: pytest.MonkeyPatch, terminal: Terminal, quiet: bool = False) -> str:
    """What is shown of a minute with a report a second."""
    now = iter(range(1000, 2000))
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.__next__() / 2)
    with progress.Display("dump", quiet) as display:
        for step in range(60):
            display.show(Progress(1000 * step, 100_000 * step, 6_000_000))
        display.note("a note")
    return terminal.text


def test_progress_is_one_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = shown(monkeypatch, Terminal(True))
    assert "\n" not in text.replace("a note\n", "")
    assert "[########        ] 50%" in text
    last = text.split("\r")
    assert max(map(len, last)) < 80
    assert last[-1] == "a note\n" and last[-2].strip() == ""


def test_progress_is_a_line_now_and_then_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, Terminal(False)).splitlines()
    assert 2 <= len(lines) <= 8 and lines[-1] == "a note"
    assert all(" rows/s" in line and "\r" not in line for line in lines[:-1])


def test_quiet_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, Terminal(True), quiet=True) == "a note\n"


def test_the_commands_load_nothing_that_a_program_does_not_need() -> None:
    """`import found` stays as quick as it was: the command line is loaded by the command line."""
    said = output_of("import sys, found; print(sorted(m for m in sys.modules if 'found.' in m))")
    assert "found._cli" not in said and "found.portable" not in said


def store_with_damage(path: Path) -> str:
    """A database with an nstore, one of whose indices lacks a row."""
    address = f"embedded:{path}"
    store = nstore.make("notes", ("notes", 1), 3)

    async def make() -> None:
        async with await found.open(address) as db:
            await found.transactional(db, nstore.add, store, "ada", "born", 1815)
            key = found.pack(("notes", 1, 1, "born", 1815, "ada"))
            assert await found.transactional(db, found.get, key) is not None
            await found.transactional(db, found.clear, key)

    run(make())
    return address


def test_a_store_is_checked_and_repaired(tmp_path: Path, capsys: Capture) -> None:
    command = ["fsck", store_with_damage(tmp_path / "db"), "nstore", "--width", "3"]
    command += ["--prefix", "('notes', 1)"]
    assert _cli.main(command) == 3
    assert "1 problems, 0 repaired" in capsys.readouterr().out
    assert _cli.main([*command, "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert (report["problems"], report["clean"], len(report["examples"])) == (1, False, 1)
    assert _cli.main([*command, "--repair"]) == 0
    assert "1 problems, 1 repaired" in capsys.readouterr().out
    assert _cli.main(command) == 0
    assert "nothing wrong" in capsys.readouterr().out


def test_a_store_that_makes_no_sense_is_a_sentence(address: str, capsys: Capture) -> None:
    fails(["fsck", address, "nstore", "--prefix", "a"], 2, capsys, "nstore needs --width")
    fails(["fsck", address, "bstore", "--prefix", "a", "--width", "2"], 2, capsys, "has no --width")
    fails(["fsck", address, "vnstore", "--prefix", "a"], 2, capsys, "vnstore needs --items")
    fails(["fsck", address, "bstore", "--prefix", "{1: 2}"], 2, capsys, "dict")
    for prefix in ("notes", "('notes',)", "['notes']", "b'notes'", "1"):
        assert _cli.main(["fsck", "--quiet", address, "bstore", "--prefix", prefix]) == 0


def test_a_database_is_checked_and_made_smaller(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "db"
    address = database(path, [(b"%04d" % n, b"value" * 20) for n in range(1000)])
    assert _cli.main(["check", address]) == 0
    # Beside them, the shard among the system keys.
    assert "is whole: 1,002 rows, 104 kB" in capsys.readouterr().out
    assert _cli.main(["check", "--json", address]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    assert _cli.main(["compact", "--json", address]) == 0
    sizes = json.loads(capsys.readouterr().out)
    assert sizes["after"] <= sizes["before"] and sizes["after"] == path.stat().st_size
    assert _cli.main(["compact", address]) == 0
    assert " before, " in capsys.readouterr().out
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"value" * 20, b"eulav" * 20))
    assert _cli.main(["check", address]) == 3
    said = capsys.readouterr()
    assert "is damaged" in said.out and str(path) in said.out
    assert said.err.startswith("  ")


def test_what_is_no_file_of_a_database_is_a_sentence(
    address: str, tmp_path: Path, capsys: Capture
) -> None:
    path = address[len("embedded:") :]
    fails(["check", path], 1, capsys, f"embedded:{path}")
    fails(["check", "memory:"], 2, capsys, "memory:")
    fails(["compact", "memory:"], 2, capsys, "memory:")
    fails(["compact", f"embedded:{tmp_path / 'nothing'}"], 1, capsys, "nothing")
    fails(["check", f"embedded:{tmp_path / 'nothing'}"], 1, capsys, "nothing")
    fails(["check", "--repair", str(tmp_path / "nothing")], 2, capsys, "--repair")
    assert not (tmp_path / "nothing").exists()
