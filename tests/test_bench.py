"""The bench itself: what becomes of contenders that fail, of a run that is stopped, of what was recorded."""

from __future__ import annotations

import datetime
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Optional
from xml.etree import ElementTree

import pytest
from processes import DEFAULT_INTERRUPT

if sys.platform == "win32":
    pytest.skip("make bench wants a POSIX system", allow_module_level=True)

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import __main__ as command  # noqa: E402
from bench import contenders, engine, engines, instructions, interpreters, peers, plot, record  # noqa: E402
from bench.harness import Failure, Figure, Row, figure, in_turns  # noqa: E402
from bench.report import Report, write  # noqa: E402
from bench.workers import Contender, Worker  # noqa: E402

MACHINE = {"processor": "one", "cores": "2", "system": "Linux 6.1.4, x86_64", "python": "3.11.7"}


def report(*rows: Row, machine: Optional[dict[str, str]] = None) -> Report:
    made = Report("make bench", {"commit": "0123456"}, machine=machine or MACHINE)
    made.rows += rows
    return made


def row(
    name: str, *rounds: float, peer: float = 0, larger: bool = False, section: str = "driver"
) -> Row:
    of = {"found": rounds, **({"other": [peer] * len(rounds)} if peer else {})}
    unit = "rows/s" if larger else "us each"
    return Row.of_rounds(section, name, unit, of, larger_is_better=larger)


def setting(folder: Path, **others: object) -> contenders.Setting:
    made = contenders.Setting(folder, None, {}, {}, (), 1, folder)
    return made._replace(**others)


# ---- in turns ------------------------------------------------------------------------------------------------


def test_each_is_measured_once_a_round_and_another_begins_each_time() -> None:
    calls: list[str] = []

    def contender(name: str) -> Callable[[], float]:
        def run() -> float:
            calls.append(name)
            return len(calls)

        return run

    names = "abc"
    rounds = in_turns({name: contender(name) for name in names}, 3, lambda _: None, no_failure)
    assert ["".join(calls[at : at + 3]) for at in range(0, 12, 3)] == ["cab", "abc", "bca", "cab"]
    # The round before the first is not among them.
    assert rounds == {"a": [4, 9, 11], "b": [5, 7, 12], "c": [6, 8, 10]}


def test_one_that_fails_is_told_and_the_others_are_measured_on() -> None:
    left = iter([1.0, 2.0])

    def fails() -> float:
        for value in left:
            return value
        raise Failure("no more")

    said: list[tuple[str, str]] = []
    rounds = in_turns(
        {"found": lambda: 3.0, "bad": fails},
        4,
        lambda _: None,
        lambda who, failure: said.append((who, str(failure))),
    )
    assert rounds == {"found": [3.0] * 4}
    assert said == [("bad", "no more")]


def test_no_row_of_which_this_project_failed() -> None:
    made = report()

    def fails() -> float:
        raise Failure("broken")

    contenders = {"found": fails, "other": lambda: 1.0}
    assert made.measure("driver", "gets", "us each", contenders, 2) is None
    assert made.rows == []
    assert [(skip.contender, skip.row) for skip in made.skipped] == [("found", "gets")]


def test_ratios_are_of_pairs_and_say_how_much_better_found_is() -> None:
    faster = Row.of_rounds("s", "n", "us each", {"found": [1, 2, 4], "other": [2, 2, 2]})
    assert faster.ratios["other"] == Figure(1.0, 0.75, 1.5)
    rounds = {"found": [4.0, 4, 4], "other": [8.0, 8, 8], "found, linked": [1.0, 1, 1]}
    slower = Row.of_rounds("s", "n", "rows/s", rounds, larger_is_better=True)
    assert slower.ratios == {"other": Figure(0.5, 0.5, 0.5)}


def test_figures_in_their_units() -> None:
    assert figure("us each", 1_000, 0.5) == pytest.approx(500)
    assert figure("ns each", 1_000, 0.5) == pytest.approx(500_000)
    assert figure("ms each", 100, 0.5) == pytest.approx(5)
    assert figure("rows/s", 1_000, 0.5) == pytest.approx(2_000)


def no_failure(who: str, failure: Failure) -> None:
    raise AssertionError(f"{who}: {failure}")


# ---- contenders ----------------------------------------------------------------------------------------------

PROGRAM = """
import sys
def works(address):
    if address == "dies": raise SystemExit("it gave up")
    if address == "misses": import a_module_that_is_missing
    def fail(count): raise ValueError(f"not {count}")
    return {"version": lambda _: "3.2", "fill": lambda _: None, "clear": lambda _: None,
            "count": lambda count: count / 1e6, "fail": fail, "exit": lambda _: sys.exit("gone")}
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Contender]:
    """A contender whose works are PROGRAM."""
    (tmp_path / "fake_works.py").write_text(PROGRAM)
    # bench is a package of the project: one more place to look for its modules.
    (tmp_path / "sitecustomize.py").write_text(
        f"import bench\nbench.__path__.append({str(tmp_path)!r})\n"
    )
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    return lambda address: Contender("fake", address, environment=environment)


def test_a_worker_answers_what_was_done_or_why_not(fake: Callable[[str], Contender]) -> None:
    worker = Worker(fake("fine"))
    try:
        assert worker.version.startswith("3.2, ")
        assert worker.ask("count", 3) == 3e-6
        with pytest.raises(Failure, match="ValueError: not 4"):
            worker.ask("fail", 4)
        with pytest.raises(Failure, match="KeyError"):
            worker.ask("unheard of")
        assert worker.ask("count", 5) == 5e-6
        with pytest.raises(Failure, match="gone"):
            worker.ask("exit")
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("contender", "said"),
    [
        (Contender("fake", "x", python="/nonexistent/python"), "No such file"),
        (Contender("fake", "x", failure="it was not built"), "it was not built"),
    ],
)
def test_a_worker_that_does_not_start_says_why(contender: Contender, said: str) -> None:
    with pytest.raises(Failure, match=said):
        Worker(contender)


def test_a_section_goes_on_without_those_that_do_not_start(
    fake: Callable[[str], Contender], tmp_path: Path
) -> None:
    made = report()
    who = {"found": fake("fine"), "dead": fake("dies"), "poor": fake("misses"), "other": fake("ok")}
    works = [contenders.Work(name, name, 10, "us each", "") for name in ("count", "fail", "exit")]
    contenders.measure(made, "driver", who, setting(tmp_path), works, 2)
    assert [(row.name, list(row.figures)) for row in made.rows] == [("count", ["found", "other"])]
    assert made.rows[0].figures["found"] == Figure(1, 1, 1)
    reasons = {(skip.contender, skip.row): skip.reason for skip in made.skipped}
    assert reasons["dead", None] == "it gave up"
    assert "a_module_that_is_missing" in reasons["poor", None]
    assert reasons["found", "fail"] == "ValueError: not 10"
    heads = made.table("driver")[0]
    assert "| dead, not measured: it gave up |" in heads
    assert made.versions["other"].startswith("3.2, ")
    # One that was measured at some row has a column already.
    made.skip("other", "driver", Failure("later"))
    assert "other, not measured" not in made.table("driver")[0]


def test_a_peer_that_did_not_install_says_why_where_it_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "REASONS", tmp_path / "peers.json")
    missing = "ModuleNotFoundError: No module named 'fdb'"
    assert peers.explained(missing) == missing
    peers.REASONS.write_text(json.dumps({"foundationdb": "no wheel for this Python"}))
    assert peers.explained(missing) == "it did not install: no wheel for this Python"
    assert peers.explained("ValueError: 3") == "ValueError: 3"


def test_peers_that_do_not_install_are_noted_and_the_others_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def pip(arguments: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(arguments[-1])
        failed = arguments[-1].startswith("lmdb")
        said = (
            "ERROR: earlier\nERROR: No matching distribution found\n\n[notice] a new release of pip"
        )
        return subprocess.CompletedProcess(arguments, failed, "", said if failed else "")

    monkeypatch.setattr(peers, "REASONS", tmp_path / "peers.json")
    monkeypatch.setattr(peers.subprocess, "run", pip)
    assert peers.install() == {"lmdb": "ERROR: No matching distribution found"}
    assert asked == [f"{name}=={version}" for name, version in peers.PEERS.items()]


def test_an_interpreter_that_cannot_be_built_for_is_a_contender_that_says_why(
    tmp_path: Path,
) -> None:
    interpreters.failure.cache_clear()
    pythons = {"4.0": "/nonexistent/python4.0"}
    who = contenders.contenders(setting(tmp_path, pythons=pythons), "memory:x", everywhere=True)
    assert "No such file" in str(who["found, 4.0"].failure)


def test_on_a_cluster_all_take_its_file_and_the_client_that_is_installed(tmp_path: Path) -> None:
    file = tmp_path / "fdb.cluster"
    place = setting(tmp_path, cluster_file=file, peers={"0.13": "/a/python"}, loops=("uvloop",))
    for works in ("found", "nstore"):
        who = contenders.contenders(place, "memory:x", works, everywhere=works == "found")
        assert {contender.address for contender in who.values()} == {str(file)}
        assert "found, linked" not in who
        variables = {name for contender in who.values() for name in contender.environment}
        assert variables <= {"FOUND_BENCH_LOOP"}


def test_the_rows_of_a_cluster_are_no_others(tmp_path: Path) -> None:
    assert setting(tmp_path).section("nstore") == "nstore"
    assert setting(tmp_path, cluster_file=tmp_path).section("nstore") == "nstore, on a cluster"


def test_instructions_are_those_of_twice_without_those_of_once(tmp_path: Path) -> None:
    works = [instructions.Counted("get", "a get", 10), instructions.Counted("row", "a row", 100)]
    # The start; of each work the warming up, then once and twice in turns; the end.
    get, rows = [1_150, 2_150, 1_100, 2_190, 1_130, 2_100], [300, 500, 400, 500, 300, 700]
    parts = [9_000, *get, 77, *rows, 88, 99]
    for part, total in enumerate(parts, 1):
        text = f"part: {part}\n\nevents: Ir\ntotals: {total}\n"
        (tmp_path / f"counts.{part}-01").write_text(text)
        # Another thread's.
        (tmp_path / f"counts.{part}-02").write_text(text)
    assert instructions.totals(tmp_path) == parts
    assert instructions.per_piece(parts[:-1], works) == [100, 2]
    with pytest.raises(Failure, match="15 parts for 1 works"):
        instructions.per_piece(parts[:-1], works[:1])


def test_without_valgrind_instructions_are_not_counted_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instructions.shutil, "which", lambda _: None)
    made = report()
    instructions.run(made, setting(tmp_path))
    assert [skip.reason for skip in made.skipped] == ["valgrind is not installed"]


def test_an_engine_that_fails_is_left_out_of_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(engines.SQLite):
        def large_commit(self, mutations: int) -> float:
            raise OSError("the disk is full")

        def clear(self) -> float:
            raise OSError("the disk is full")

    for name in ("ROWS", "GETS", "AT_ONCE", "MUTATIONS"):
        monkeypatch.setattr(engine, name, 20)
    kinds = {"found": engines.Found, "SQLite": Broken}
    monkeypatch.setattr(engine, "ENGINES", kinds)
    made = report()
    engine.run(made, tmp_path, many=20)
    who = {row.name: list(row.figures) for row in made.rows}
    assert who["read a row"] == ["found", "SQLite"]
    assert who["a commit of 20 mutations"] == who["a scan of 20 rows"] == ["found"]
    assert {(skip.contender, skip.row) for skip in made.skipped} >= {
        ("SQLite", "a commit of 20 mutations"),
        ("SQLite", "clear a million rows"),
    }
    assert {skip.reason for skip in made.skipped} == {"OSError: the disk is full"}
    # Nothing is left of what was measured.
    assert list(tmp_path.iterdir()) == []


# ---- the command ---------------------------------------------------------------------------------------------


def test_sections_and_groups_of_them() -> None:
    everything = list(command.SECTIONS)
    assert tuple(everything) == record.ORDER
    assert command.chosen([], everything) == everything
    assert command.chosen(["search", "codec"], everything) == ["codec", "pstore"]
    assert command.chosen(["stores"], everything) == ["nstore", "vnstore", "bstore"]
    with pytest.raises(ValueError, match="no section floor"):
        command.chosen(["driver", "floor"], command.ON_A_CLUSTER)


def test_the_command_that_is_recorded_names_no_place_of_this_machine() -> None:
    arguments = [
        "driver",
        "--peer",
        "0.13=/home/me/bin/python",
        "--python=3.14=/opt/py",
        "--record",
    ]
    arguments += ["--cluster-file=/etc/secret/fdb.cluster", "--output", "/home/me/out"]
    text = command.command(arguments)
    assert text == (
        'make bench ARGS="driver --peer 0.13=PYTHON --python 3.14=PYTHON --record'
        ' --cluster-file fdb.cluster --output out"'
    )
    assert command.command([]) == "make bench"


def bench(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=DEFAULT_INTERRUPT,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drivers"], "no section drivers: there are codec, "),
        (["floor", "--cluster-file", "x"], "no section floor: there are driver, "),
        (["driver", "--record", "--cluster-file", "x"], "--record is of runs on this machine"),
        (["--peer", "found=python"], "is not NAME=PYTHON with a name of its own"),
        (["--python", "a/b=python"], "is not NAME=PYTHON with a name of its own"),
    ],
)
def test_misuse_is_said_before_anything_is_measured(arguments: list[str], said: str) -> None:
    run = bench(*arguments)
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 2
    assert said in stderr


def test_ctrl_c_leaves_the_rows_that_were_measured(tmp_path: Path) -> None:
    pytest.importorskip("fdb")
    run = bench("codec", "--output", str(tmp_path))
    assert run.stderr is not None
    for line in run.stderr:
        if "unpack mixed, ns each" in line:
            break
    run.send_signal(signal.SIGINT)
    stdout, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    document = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    names = [row["name"] for row in document["rows"]]
    assert names[:2] == ["pack mixed", "unpack mixed"]
    assert len(names) < 24
    assert "| pack mixed | ns each |" in stdout
    assert {file.name for file in tmp_path.iterdir()} == {"bench.json", "bench.md", "plot.svg"}


# ---- the record ----------------------------------------------------------------------------------------------


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = report(row("gets", 1, 2, 3, peer=4))
    made.skip("other", "driver", Failure("no | reason\nat <all>"), "rows")
    made.skip("another", "driver", Failure("none"))
    write(made, tmp_path)
    again = Report.of_document(json.loads((tmp_path / "bench.json").read_text(encoding="utf-8")))
    assert again.document() == made.document()
    assert again.markdown() == made.markdown()
    assert "no \\| reason at &lt;all>" in made.markdown()
    # Where it lies is nobody else's.
    made.skip("lost", "driver", Failure("no such file: '/home/me/bin/python'"))
    assert made.skipped[-1].reason == "no such file: 'python'"
    with pytest.raises(ValueError, match="format 2"):
        Report.of_document({**made.document(), "format": 2})


def test_a_run_takes_the_place_of_the_sections_it_has() -> None:
    first = report(row("gets", 1), row("pack", 1, section="codec"))
    second = report(row("gets", 2))
    runs = record.merged([first], second)
    assert [[(row.section, row.figures["found"].median) for row in run.rows] for run in runs] == [
        [("codec", 1)],
        [("driver", 2)],
    ]
    assert [section for section, _ in record.sections(runs)] == ["codec", "driver"]
    # One that has nothing left is gone.
    assert len(record.merged(runs, report(row("pack", 3, section="codec")))) == 2


def worse(now: Row, then: Row, **machine: str) -> str:
    lines = record.compared(report(now, machine={**MACHINE, **machine}), [report(then)])
    return "\n".join(lines)


def test_rows_that_got_slower_by_more_than_they_vary_are_named() -> None:
    then = row("gets", 10, 10.2, 10.4, 10.6, peer=20)
    assert "none got worse" in worse(row("gets", 10.1, 10.3, 10.5, 10.7, peer=20), then)
    said = worse(row("gets", 11.1, 11.2, 11.2, 11.3, peer=20), then)
    assert "- driver, gets: 10.3 -> 11.2 us each, 9% worse; against other 1.94 -> 1.79" in said
    # As wide as the difference, in either run.
    assert "none got worse" in worse(row("gets", 9, 10, 12, 15, peer=20), then)
    assert "none got worse" in worse(then, row("gets", 9, 9.4, 10, 11, peer=20))
    # Better is not worse, whichever way is better.
    assert "none got worse" in worse(row("gets", 5, 5, 5, peer=20), then)
    assert "none got worse" in worse(row("rows", 9, larger=True), row("rows", 5, larger=True))
    assert "44% worse" in worse(row("rows", 5, larger=True), row("rows", 9, larger=True))


def test_counts_without_a_spread_are_held_to_a_hundredth() -> None:
    assert "none got worse" in worse(row("pack", 1_009), row("pack", 1_000))
    assert "1% worse" in worse(row("pack", 1_011), row("pack", 1_000))


def test_on_another_machine_ratios_are_compared_not_figures() -> None:
    then = row("gets", 10, 10, 10, peer=20)
    said = worse(row("gets", 30, 30, 30, peer=60), then, processor="two", python="3.12.1")
    assert "another machine (processor one, not two)" in said
    assert "another machine (python 3.11.7, not 3.12.1)" in said
    assert "none got worse" in said
    said = worse(row("gets", 30, 30, 30, peer=30), then, cores="8")
    assert "- driver, gets: against other 2 -> 1" in said
    # Another patch of the kernel or of Python makes no other machine.
    said = worse(row("gets", 30), then, system="Linux 6.1.9, x86_64", python="3.11.9")
    assert "200% worse" in said


def test_rows_that_were_never_recorded_are_compared_with_nothing() -> None:
    assert "None of these rows was recorded" in worse(row("gets", 10), row("scans", 10))


def test_a_plot_has_a_mark_for_every_ratio_and_shows_those_that_are_lost() -> None:
    rows = [
        row("<gets> & puts", 1, peer=5),
        row("scans", 4, peer=1),
        row("alone", 4),
        row("pack", 1, peer=120, section="codec"),
    ]
    drawn = plot.draw(rows)
    image = ElementTree.fromstring(drawn)
    space = {"svg": "http://www.w3.org/2000/svg"}
    titles = [title.text for title in image.findall(".//svg:path/svg:title", space)]
    assert titles == [
        "<gets> & puts, against other: 5",
        "scans, against other: 0.25",
        "pack, against other: 120",
    ]
    lost = [path[0].text for path in image.findall(".//svg:path[@class='mark lost']", space)]
    assert lost == ["scans, against other: 0.25"]
    assert "alone" not in drawn
    # On a logarithmic axis, 1 where the line is.
    axis = plot.Axis(0.1, 10)
    assert [axis.x(0.1), axis.x(1), axis.x(10)] == [
        plot.LEFT,
        (plot.LEFT + plot.RIGHT) / 2,
        plot.RIGHT,
    ]


def test_a_plot_of_nothing() -> None:
    ElementTree.fromstring(plot.draw([]))


def test_the_page_shows_what_was_recorded() -> None:
    runs = record.load()
    page = record.PAGE.read_text(encoding="utf-8")
    assert runs, "nothing is recorded"
    # What differs: `python -m bench.record` makes it anew.
    assert record.filled(page, runs) == page
    assert record.drawn(runs) == (record.FOLDER / record.PLOT).read_text(encoding="utf-8")


def test_what_is_recorded_names_no_place_of_a_machine() -> None:
    text = (record.FOLDER / record.RUNS).read_text(encoding="utf-8")
    assert re.findall(r"(?<![\w.])/(?:home|root|tmp|Users|work|opt|usr)/", text) == []
    for run in record.load():
        assert run.date <= datetime.datetime.now(datetime.timezone.utc)


def test_recording_writes_all_of_it_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    marks = [
        f"<!-- {name}: made by bench/record.py -->\nold\n<!-- end of {name} -->"
        for name in ("runs", "tables")
    ]
    page.write_text("before\n" + "\nbetween\n".join(marks) + "\nafter\n", encoding="utf-8")
    runs = [report(row("gets", 1, peer=2), row("scans", 3, peer=2))]
    record.keep(runs, tmp_path / "performance", page)
    text = page.read_text(encoding="utf-8")
    assert [line for line in ("before", "between", "after") if f"{line}\n" in text] == [
        "before",
        "between",
        "after",
    ]
    assert "old" not in text
    assert "- driver, scans: other (0.667)" in text
    assert "| scans | us each | 3 | 2 | 0.667 **slower** |" in text
    assert {file.name for file in (tmp_path / "performance").iterdir()} == {"runs.json", "plot.svg"}
    assert [run.document() for run in record.load(tmp_path / "performance")] == [
        run.document() for run in runs
    ]
    with pytest.raises(ValueError, match="not one place"):
        record.filled("no marks", runs)
