"""Write python/found/options.py from the text of fdb_c_options.g.h that foundationdb-sys carries.

The header states what an option takes only in its comments, so they are parsed. `python
scripts/generate_options.py --check` fails if the file is not what would be written.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "python" / "found" / "options.py"
HEADER_VERSION = "740"
ENUMS = {
    "FDBNetworkOption": ("NetworkOption", "FDB_NET_OPTION_", "the client library in this process"),
    "FDBDatabaseOption": ("DatabaseOption", "FDB_DB_OPTION_", "a database"),
    "FDBTransactionOption": ("TransactionOption", "FDB_TR_OPTION_", "a transaction"),
}


class Option(NamedTuple):
    name: str
    code: int
    kind: str


def header() -> Path:
    """The options header of the foundationdb-sys crate that Cargo.lock names."""
    output = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for package in json.loads(output)["packages"]:
        if package["name"] == "foundationdb-sys":
            folder = Path(package["manifest_path"]).parent
            return folder / "include" / HEADER_VERSION / "fdb_c_options.g.h"
    raise SystemExit("Cargo.lock names no foundationdb-sys")


def parse(text: str) -> dict[str, list[Option]]:
    """The options of each enum, in the header's order."""
    enums: dict[str, list[Option]] = {}
    for body, name in re.findall(r"typedef enum \{(.*?)\}\s*(\w+);", text, re.DOTALL):
        if name not in ENUMS:
            continue
        prefix = ENUMS[name][1]
        options = []
        entry = re.compile(r"((?:\s*/\*.*?\*/)+)\s*" + prefix + r"(\w+)\s*=\s*(\d+)", re.DOTALL)
        for comments, option, code in entry.findall(body):
            lines = [
                " ".join(line.split()) for line in re.findall(r"/\*(.*?)\*/", comments, re.DOTALL)
            ]
            parameter = next(line for line in lines if line.startswith("Parameter: "))
            kind = re.match(r"Parameter: \((\w+)\)", parameter)
            options.append(Option(option, int(code), kind.group(1) if kind else "None"))
        enums[name] = options
    return enums


def comment(option: Option) -> str:
    return f"  # takes {ARTICLES.get(option.kind, 'no value')}"


ARTICLES = {"Int": "an integer", "String": "a string", "Bytes": "bytes"}
TYPES = {"Int": "int", "String": "str", "Bytes": "bytes"}


def render(enums: dict[str, list[Option]]) -> str:
    lines = [
        '"""The options of FoundationDB, by name. Written by scripts/generate_options.py: do not edit.',
        "",
        "Each is a member of an enum, and a constant under its C name. What they do is said in FoundationDB's",
        "fdb_c_options.g.h and at https://apple.github.io/foundationdb/api-python.html#api-python-transaction-options.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from enum import IntEnum",
        "from typing import Final",
        "",
    ]
    exported: list[str] = []
    for name, options in enums.items():
        class_name, prefix, of = ENUMS[name]
        exported.append(class_name)
        lines += ["", f"class {class_name}(IntEnum):", f'    """Options of {of}."""', ""]
        for option in options:
            lines.append(f"    {option.name} = {option.code}{comment(option)}")
        lines.append("")
        for option in options:
            constant = prefix + option.name
            exported.append(constant)
            lines.append(f"{constant}: Final = {class_name}.{option.name}")
        lines.append("")
    # Members of different enums can be the same integer: one mapping each.
    for name, options in enums.items():
        class_name, _, of = ENUMS[name]
        lines += [
            "",
            f"#: What each option of {of} takes; None stands for no value.",
            f"{class_name.upper().replace('OPTION', '_PARAMETERS')}: "
            f"Final[dict[int, type[int] | type[str] | type[bytes] | None]] = {{",
        ]
        lines += [
            f"    {class_name}.{option.name}: {TYPES.get(option.kind, 'None')},"
            for option in options
        ]
        lines.append("}")
    lines += ["", "__all__ = ["]
    lines += [f'    "{name}",' for name in sorted(exported)]
    lines += ["]", ""]
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    check = arguments.parse_args().check
    text = render(parse(header().read_text(encoding="utf-8")))
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(OUTPUT), "-"],
        cwd=ROOT,
        input=text,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if not check:
        OUTPUT.write_text(formatted, encoding="utf-8")
    elif OUTPUT.read_text(encoding="utf-8") != formatted:
        raise SystemExit(f"{OUTPUT} is not what this script writes: run it")


if __name__ == "__main__":
    main()
