"""What the built extension shows to the linker: its module function, and no link to a libfdb_c."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from found import _found

EXTENSION = Path(_found.__file__)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads the symbols of ELF files"),
    pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm (binutils)"),
]


def _symbols(*flags: str) -> set[str]:
    """The names of the dynamic symbols, without their versions."""
    listed = subprocess.run(
        ["nm", "--dynamic", "--format=posix", *flags, str(EXTENSION)],
        check=True,
        capture_output=True,
        text=True,
    )
    return {line.split()[0].split("@")[0] for line in listed.stdout.splitlines()}


def test_the_extension_exports_its_module_function_alone() -> None:
    # Anything more could be taken for the symbol of another library: a client's fdb_* first of all.
    assert _symbols("--defined-only") == {"PyInit__found"}


def test_the_extension_asks_the_linker_for_nothing_of_foundationdb() -> None:
    # A wheel has to be imported where there is no client.
    wanted = _symbols("--undefined-only")
    assert any(name.startswith("Py") for name in wanted)
    assert [name for name in wanted if "fdb" in name.lower()] == []


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs readelf (binutils)")
def test_the_extension_needs_no_library_but_the_systems() -> None:
    listed = subprocess.run(
        ["readelf", "--dynamic", "--wide", str(EXTENSION)],
        check=True,
        capture_output=True,
        text=True,
    )
    needed = {
        line.split("[")[1].rstrip("]") for line in listed.stdout.splitlines() if "(NEEDED)" in line
    }
    assert needed
    system = ("libc.", "libm.", "libgcc_s.", "libpthread.", "libdl.", "librt.", "ld-linux")
    assert [name for name in needed if not name.startswith(system)] == []
