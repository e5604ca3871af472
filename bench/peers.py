"""What this project is measured beside, from PyPI, at the versions that are measured.

    python -m bench.peers          # installs them into the environment of the interpreter that runs it

One that does not install is told, and its columns say why; the others are measured all the same.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

PEERS = {
    "foundationdb": "7.3.79",
    "uvloop": "0.23.0",
    "lmdb": "3.0.0",
    "pyoxigraph": "0.5.13",
    "rdflib": "7.6.0",
    "bm25s": "0.3.16",
    "tantivy": "0.27.0",
}
MODULES = {"fdb": "foundationdb"}
"""By what it is imported as, where that is not its name."""

REASONS = Path(sys.prefix) / "peers.json"


def install() -> dict[str, str]:
    """Install each, and return why some could not be."""
    reasons: dict[str, str] = {}
    for name, version in PEERS.items():
        command = [sys.executable, "-m", "pip", "install", "--quiet", f"{name}=={version}"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            reasons[name] = reason(run.stderr)
            print(f"{name} {version} does not install: {reasons[name]}", file=sys.stderr)
    REASONS.write_text(json.dumps(reasons, indent=1) + "\n", encoding="utf-8")
    return reasons


def reason(stderr: str) -> str:
    """The line that tells most of what pip or cargo has said."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    return (errors or lines or ["it failed without a word"])[-1]


def explained(failure: str) -> str:
    """What a contender has said; where a peer is missing that did not install, why it did not."""
    missing = re.search(r"No module named '(\w+)", failure)
    if missing is None or not REASONS.exists():
        return failure
    reasons: dict[str, str] = json.loads(REASONS.read_text(encoding="utf-8"))
    name = MODULES.get(missing[1], missing[1])
    return f"it did not install: {reasons[name]}" if name in reasons else failure


if __name__ == "__main__":
    install()
