"""FoundationDB's official driver, with both forms of this tester among the bindings it knows.

    python -m tests.bindingtester.official BINDINGS [ARGUMENT...]

BINDINGS is the folder `bindings` of a checkout of FoundationDB, of which it needs `bindingtester` and, to compare,
`python/tests`; the `fdb` it imports is that of the environment. The arguments are the driver's own
(`--test-name api --compare python found_aio`), and so is the exit code. `FOUND_TESTER_PYTHON` names the interpreter
for the tester, where it is not to be the one that runs the driver.

The cluster file may be `embedded:PATH`, where `libfdb_c` is this project's: the driver then lets go of the database
while a tester runs.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
FORMS = ("aio", "threads")


def main(argv: Sequence[str]) -> int:
    if not argv:
        sys.exit(str(__doc__))
    bindings, *arguments = argv
    # The package first: its folder has a module of the same name, and is needed for another.
    sys.path[:0] = [bindings, str(Path(bindings, "bindingtester"))]
    from bindingtester import bindingtester as driver
    from bindingtester import known_testers

    _register(known_testers)
    if any(argument.startswith("embedded:") for argument in arguments):
        _adapt_to_embedded(driver.TestRunner)
    return int(driver.main(arguments) or 0)


def _register(known: Any) -> None:
    python = os.environ.get("FOUND_TESTER_PYTHON", sys.executable)
    for form in FORMS:
        name = f"found_{form}"
        known.testers[name] = known.Tester(
            name,
            f"{python} -m tests.bindingtester.{form}",
            max_int_bits=2040,
            # The version that found asks for; a driver of 7.3 has none that is newer.
            min_api_version=730,
            max_api_version=730,
            types=known.ALL_TYPES,
        )
    # The official tester, in this environment rather than by what `python` happens to be.
    reference = known.testers["python"]
    reference.cmd = sys.executable + reference.cmd[len("python") :]
    paths = [str(ROOT), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)


def _adapt_to_embedded(runner: Any) -> None:
    import fdb

    run_tester: Callable[[Any, Any], int] = runner._run_tester

    def run_alone(self: Any, tester: Any) -> int:
        # A database in a file is one process's at a time.
        self.db = None
        fdb.impl.open_databases.clear()
        gc.collect()
        try:
            return run_tester(self, tester)
        finally:
            self.db = fdb.open(self.args.cluster_file)

    runner._run_tester = run_alone


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
