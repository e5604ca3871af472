"""`cargo check` the extension for every interpreter it is built for, with none of them installed.

PyO3 compiles different code for each Python: what is not checked here would first fail on somebody
else's machine. PYO3_CONFIG_FILE describes an interpreter in place of one that is run. The files are
written from one template into build/pyo3/.

A config that is quietly ignored would make every check pass, so two things are held: the build
script of pyo3-ffi must have switched on exactly the cfg flags of the interpreter asked for, and an
interpreter that PyO3 cannot serve must be refused. A warning in this workspace is a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "build" / "pyo3"

TEMPLATE = """\
implementation={implementation}
version={version}
shared=true
lib_name={lib_name}
pointer_width=64
build_flags={build_flags}
suppress_build_script_link_lines=false
"""


@dataclass(frozen=True)
class Interpreter:
    version: str
    implementation: str = "CPython"
    free_threaded: bool = False

    @property
    def name(self) -> str:
        return f"{self.implementation} {self.version}{'t' if self.free_threaded else ''}"

    def write_config(self) -> Path:
        library = "pypy" if self.implementation == "PyPy" else "python"
        suffix = "-c" if self.implementation == "PyPy" else "t" if self.free_threaded else ""
        path = CONFIGS / f"{self.name.replace(' ', '-').lower()}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = TEMPLATE.format(
            implementation=self.implementation,
            version=self.version,
            lib_name=f"{library}{self.version}{suffix}",
            build_flags="Py_GIL_DISABLED" if self.free_threaded else "",
        )
        # The build script runs again when the file is newer: leave one that says the same alone.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return path

    def expected_cfgs(self) -> set[str]:
        minor = int(self.version.split(".")[1])
        cfgs = {f"Py_3_{m}" for m in range(9, minor + 1)}
        if self.implementation == "PyPy":
            cfgs.add("PyPy")
        if self.free_threaded:
            cfgs.add("Py_GIL_DISABLED")
        return cfgs


INTERPRETERS = [
    *(Interpreter(version) for version in ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")),
    Interpreter("3.14", free_threaded=True),
    Interpreter("3.11", implementation="PyPy"),
]
REFUSED = Interpreter("3.8")


def says_interpreter(cfg: str) -> bool:
    return cfg.startswith("Py_3_") or cfg in ("PyPy", "GraalPy", "Py_GIL_DISABLED")


def check(interpreter: Interpreter) -> tuple[bool, set[str], list[str]]:
    """Whether cargo check passed, the cfg flags that pyo3-ffi was built with, and what was said."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "abi"
    command = ["cargo", "check", "--quiet", "--locked", "-p", "found", "--target-dir", str(target)]
    environment = {**os.environ, "PYO3_CONFIG_FILE": str(interpreter.write_config())}
    # maturin's way of saying that an extension is built; without it PyO3 would link libpython.
    environment["PYO3_BUILD_EXTENSION_MODULE"] = "1"
    run = subprocess.run(
        [*command, "--message-format=json"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    cfgs: set[str] = set()
    said: list[str] = []
    for line in run.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "build-script-executed" and "pyo3-ffi" in message["package_id"]:
            cfgs = {cfg for cfg in message["cfgs"] if says_interpreter(cfg)}
        elif message["reason"] == "compiler-message":
            said.append(message["message"]["rendered"])
    if run.returncode != 0:
        said.append(run.stderr)
    return run.returncode == 0, cfgs, said


def main() -> int:
    failed = 0
    for interpreter in INTERPRETERS:
        started = time.monotonic()
        passed, cfgs, said = check(interpreter)
        expected = interpreter.expected_cfgs()
        if passed and cfgs != expected:
            said.append(f"built for {sorted(cfgs)}, not {sorted(expected)}: was the config read?")
        good = passed and not said
        failed += not good
        seconds = time.monotonic() - started
        print(f"{interpreter.name:16} {'ok' if good else 'FAILED'} ({seconds:.1f} s)", flush=True)
        for text in said:
            print(text, file=sys.stderr)
    passed, _, said = check(REFUSED)
    refused = not passed and any("lower than PyO3's minimum" in text for text in said)
    failed += not refused
    print(f"{REFUSED.name:16} {'refused, as it must be' if refused else 'FAILED: was not refused'}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
