"""Write the reference, docs/api.md and docs/api-stores.md, from the docstrings of the package as it is built.

What a function does is written once, beside it; this lays it out, the core by subject and all else by module.
`--check` fails if a page is not what would be written. A public name that no page has is an error.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import re
import sys
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import found
from found import options

DOCS = Path(__file__).resolve().parent.parent / "docs"

INTRODUCTION = """\
<!-- Written by scripts/generate_api.py from the docstrings: do not edit. -->

# Reference

Every public name of `import found`, by subject. Keys and values are `bytes`. What is shown with `await` starts
when it is called, and is a future as well as a coroutine: see [how it works](how-it-works.md). Writes answer at
once; awaiting them costs nothing and raises what is wrong with the call.

"Rule" names the file of [FoundationDB's sources](https://github.com/apple/foundationdb) where the behaviour is
laid down. A number such as 1020 is one of FoundationDB's
[error codes](https://apple.github.io/foundationdb/api-error-codes.html); [errors](errors.md) has those one meets.
"""

STORES_INTRODUCTION = """\
<!-- Written by scripts/generate_api.py from the docstrings: do not edit. -->

# Reference of the stores and tools

Every public name of `found.ext`, `found.portable` and `found.embedded`, by module. The core is in [its own](api.md).
"""

MODULES = (
    "found.ext.nstore",
    "found.ext.eavstore",
    "found.ext.pstore",
    "found.ext.bstore",
    "found.ext.vnstore",
    "found.ext.vnstore.server",
    "found.ext.pool",
    "found.portable",
    "found.embedded",
)

SUBJECTS: dict[str, str] = {
    "Databases": "await open, await close, Database",
    "Transactions": """
        await transactional, transaction, make_transaction, Transaction, await commit, await on_error,
        reset, cancel, await read_version, await set_read_version, get_committed_version,
        await get_versionstamp, await get_approximate_size, await get_total_cost,
        await get_tag_throttled_duration, add_conflict_range""",
    "Hooks": "Hooks, make_hooks, TransactionStats",
    "Reading keys": "await get, await get_key",
    "Reading ranges": """
        query, Query, mapped_query, await all, limit, next_prefix, await estimated_size_bytes,
        await get_range_split_points, await get_addresses_for_key""",
    "Key selectors": "lt, lte, gt, gte, KeySelector",
    "Writing": "await set, await clear",
    "Atomic operations": """
        await add, await bit_and, await bit_or, await bit_xor, await max, await min, await byte_max,
        await byte_min, await append_if_fits, await compare_and_clear, await set_versionstamped_key,
        await set_versionstamped_value""",
    "Watches": "watch",
    "The tuple layer": """
        pack, unpack, range, pack_with_versionstamp, has_incomplete_versionstamp, Versionstamp,
        SingleFloat""",
    "asyncio": "Operation, Future, co",
    "The client library": """
        network_set_option, database_set_option, set_option, get_client_version,
        await get_client_status, get_main_thread_busyness, await get_server_protocol,
        error_predicate, add_network_thread_completion_hook""",
    "Locality": "locality.get_boundary_keys, await locality.get_addresses_for_key",
    "Tenants": "open_tenant, Tenant",
    "Exceptions": "BaseFoundException, FoundException, LibraryException",
}
ENUMS = {
    "TransactionOption": options.TRANSACTION_PARAMETERS,
    "DatabaseOption": options.DATABASE_PARAMETERS,
    "NetworkOption": options.NETWORK_PARAMETERS,
}
CONSTANTS = ("STREAMING_MODE_", "CONFLICT_RANGE_TYPE_", "ERROR_PREDICATE_")
OPTION_CONSTANTS = ("FDB_TR_OPTION_", "FDB_DB_OPTION_", "FDB_NET_OPTION_")

SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Rule):[ ]?(.*)$")
HEADINGS = {"Args": "Takes", "Returns": "Returns", "Raises": "Raises", "Yields": "Yields"}

LISTS = ("Args", "Raises")


def signature(name: str, value: Any) -> str:
    """What is called and with what; nothing for a class that is not made by its user."""
    if isinstance(value, type) and not (
        value.__doc__ and (getattr(value, "__text_signature__", None) or "__init__" in vars(value))
    ):
        return name
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for parameter in inspect.signature(value).parameters.values()
        if parameter.name != "self"
    ]
    # A default that is an object shows as one: `...` says that there is a default.
    text = str(inspect.Signature(parameters)).replace("Ellipsis", "...")
    return f"{name}{text}"


def markdown(doc: str) -> str:
    """A docstring's sections as lists; everything else is Markdown already."""
    lines: list[str] = []
    section = ""
    fence = False
    for line in doc.splitlines():
        if line.lstrip().startswith("```"):
            fence = not fence
        begins = None if fence else SECTION.match(line)
        if begins:
            section, rest = begins.groups()
            if section == "Rule":
                lines.append(f"*Rule*: {rest}")
            else:
                lines.append(f"*{HEADINGS[section]}*:" + (f" {rest}" if rest else ""))
                if section in LISTS:
                    lines.append("")
        elif section in LISTS and line.startswith("    ") and not fence:
            item = re.match(r"    (\*{0,2}\w+): (.*)$", line)
            lines.append(f"- `{item[1]}`: {item[2]}" if item else f"  {line.strip()}")
        elif section and line.startswith("    ") and not fence:
            lines.append(line.strip())
        else:
            if line.strip() and not line.startswith(" ") and section != "Rule":
                section = ""
            lines.append(line)
    return "\n".join(lines).strip()


def members(value: type) -> list[str]:
    """The public attributes and methods of a class that say what they are."""
    lines: list[str] = []
    for name in sorted(vars(value)):
        member = getattr(value, name)
        doc = inspect.getdoc(member)
        if name.startswith("_") or not doc or isinstance(member, (int, str)):
            continue
        first = " ".join(doc.split("\n\n")[0].split())
        lines.append(f"- `{name}`: {first}")
    return ["", *lines] if lines else []


def core_entry(name: str) -> list[str]:
    *awaited, bare = name.split()
    value = functools.reduce(getattr, bare.split("."), found)
    return entry(" ".join([*awaited, signature(f"found.{bare}", value)]), value)


def module_entry(module: ModuleType, name: str) -> list[str]:
    value = getattr(module, name)
    home = module.__name__.rpartition(".")[2]
    if not callable(value):
        return [f"### `{home}.{name}`", "", f"A {type(value).__name__}.", ""]
    answer = "" if isinstance(value, type) else str(inspect.signature(value).return_annotation)
    awaited = (
        ["await"] if inspect.iscoroutinefunction(value) or answer.startswith("Awaitable") else []
    )
    return entry(" ".join([*awaited, signature(f"{home}.{name}", value)]), value)


def entry(call: str, value: Any) -> list[str]:
    lines = [f"### `{call}`", "", markdown(inspect.getdoc(value) or "")]
    if isinstance(value, type):
        fields = ", ".join(f"`{field}`" for field in getattr(value, "_fields", ()))
        lines += ["", f"*Fields*: {fields}."] if fields else members(value)
    return [*lines, ""]


def option_table(name: str, parameters: dict[int, Any]) -> list[str]:
    enum: type[IntEnum] = getattr(found, name)
    prefix = {"T": "FDB_TR_OPTION_", "D": "FDB_DB_OPTION_", "N": "FDB_NET_OPTION_"}[name[0]]
    doc = f"{inspect.getdoc(enum)} `found.{name}.X` is also `found.{prefix}X`."
    lines = [f"### `found.{name}`", "", doc, ""]
    lines += ["| member | number | takes |", "| --- | --- | --- |"]
    for member, option in enum.__members__.items():
        kind = parameters.get(int(option))
        lines.append(f"| `{member}` | {int(option)} | {kind.__name__ if kind else 'nothing'} |")
    return [*lines, ""]


def page() -> str:
    lines = [INTRODUCTION]
    known = set(ENUMS)
    for subject, text in SUBJECTS.items():
        lines += [f"## {subject}", ""]
        for name in (part.strip() for part in text.split(",")):
            known.add(name.split()[-1].split(".")[0])
            lines += core_entry(name)
    lines += ["## Constants", "", "| name | value |", "| --- | --- |"]
    for name in found.__all__:
        if name.startswith(CONSTANTS):
            lines.append(f"| `found.{name}` | {getattr(found, name)} |")
            known.add(name)
    lines += ["", "## Options", ""]
    for name, parameters in ENUMS.items():
        lines += option_table(name, parameters)
    missing = {name for name in found.__all__ if not name.startswith(OPTION_CONSTANTS)} - known
    if missing:
        raise SystemExit(f"no subject in {Path(__file__).name} has {', '.join(sorted(missing))}")
    return "\n".join(lines).rstrip() + "\n"


def modules_page() -> str:
    lines = [STORES_INTRODUCTION]
    for path in MODULES:
        module = importlib.import_module(path)
        lines += [f"## {path}", "", (inspect.getdoc(module) or "").split("\n\n")[0], ""]
        for name in sorted(module.__all__):
            lines += module_entry(module, name)
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if a page is stale"
    )
    arguments = parser.parse_args()
    stale: list[str] = []
    for name, text in (("api.md", page()), ("api-stores.md", modules_page())):
        output = DOCS / name
        if not arguments.check:
            output.write_text(text, encoding="utf-8")
        elif not output.exists() or output.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"{' and '.join(stale)}: stale, run scripts/generate_api.py", file=sys.stderr)
    return len(stale)


if __name__ == "__main__":
    raise SystemExit(main())
