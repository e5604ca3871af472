"""This project's libfdb_c, for tests that load it, and what it is compiled against."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = Path(__file__).resolve().parent
NAME = "libfdb_c.dylib" if sys.platform == "darwin" else "libfdb_c.so"
# `make test` names the one it has built; alone, the tests take what `make libfdb_c` has left.
LIBRARY = Path(os.environ.get("FOUND_TEST_LIBFDB_C") or ROOT / "build" / "lib" / NAME)

# A child that takes longer hangs.
TIMEOUT = 60


def library() -> Path:
    """The library, or a skipped test where nobody has built it."""
    if not LIBRARY.exists():
        assert "FOUND_TEST_LIBFDB_C" not in os.environ, f"there is no {LIBRARY}"
        pytest.skip(f"there is no {LIBRARY}: make libfdb_c")
    return LIBRARY


def compiler() -> str:
    """The system's C compiler, or a skipped test."""
    found = shutil.which("cc")
    if found is None or sys.platform == "win32":
        pytest.skip("there is no cc")
    return found


@functools.cache
def include() -> Path:
    """The folder of headers that foundationdb-sys carries, one in it for each API version."""
    if shutil.which("cargo") is None:
        pytest.skip("there is no cargo, which knows where fdb_c.h is")
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    packages: Iterable[dict[str, Any]] = json.loads(said)["packages"]
    (crate,) = [package for package in packages if package["name"] == "foundationdb-sys"]
    return Path(crate["manifest_path"]).parent / "include"


def compile_c(source: Path, output: Path, *flags: str) -> Path:
    """Compile C with every warning an error; `output` is a library by its suffix, else a program."""
    command = [compiler(), "-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread", str(source)]
    shared = ["-shared", "-fPIC"] if output.suffix in (".so", ".dylib") else []
    subprocess.run([*command, *shared, "-o", str(output), *flags], check=True)
    return output


def linked_against(library: Path) -> list[str]:
    """The compiler's flags that link a library, to be found where it is."""
    return [f"-L{library.parent}", "-lfdb_c", f"-Wl,-rpath,{library.parent}"]


def environment(**added: str) -> dict[str, str]:
    """An environment in which nothing of FoundationDB is set but what is added."""
    hidden = ("FOUND_", "FDB_", "XDG_DATA_HOME", "PYTHONDEVMODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return {**kept, **added}


def in_front(library: Path) -> dict[str, str]:
    """The variables by which the dynamic linker finds this libfdb_c before any other."""
    name = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    paths = [str(library.parent), os.environ.get(name)]
    return {name: os.pathsep.join(path for path in paths if path)}
