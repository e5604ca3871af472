"""Write the docstrings of the extension module, as it is built, into its stub.

What a function does is said once, in a comment of the Rust source, and known at run time by its
docstring; editors read python/found/_found.pyi. The signatures there are written by hand, and
stubtest holds them against the module. This adds the docstrings, and the `__all__` that the module
has. `--check` writes nothing, and fails if the stub is not what would be written.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Union

from found import _found

STUB = Path(__file__).resolve().parent.parent / "python" / "found" / "_found.pyi"

Definition = Union[ast.ClassDef, ast.FunctionDef]


class Edit(NamedTuple):
    """Lines of the stub, from the first to before the last, and what stands there instead."""

    first: int
    last: int
    lines: list[str]


def definitions(nodes: list[ast.stmt], holder: Any) -> Iterator[tuple[Definition, Any]]:
    """The classes and functions of the stub, each with what it describes."""
    for node in nodes:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            continue
        if node.name.startswith("__"):
            # Python documents its own methods.
            continue
        try:
            described: Any = inspect.getattr_static(holder, node.name)
        except AttributeError:
            raise SystemExit(f"{STUB.name}:{node.lineno}: the module has no {node.name}") from None
        if isinstance(described, (staticmethod, classmethod)):
            described = getattr(holder, node.name)
        yield node, described
        if isinstance(node, ast.ClassDef):
            yield from definitions(node.body, described)


def docstring(described: Any) -> str:
    """What it says of itself at run time; empty if nothing."""
    text = described.__doc__ or ""
    # Some interpreters leave PyO3's signature in front.
    return inspect.cleandoc(text.rpartition("\n--\n\n")[2])


def literal(text: str, indent: str) -> list[str]:
    """A docstring as source."""
    if '"""' in text or text.endswith(('"', "\\")):
        raise SystemExit(f"a docstring cannot be written between triple quotes: {text}")
    quotes = 'r"""' if "\\" in text else '"""'
    first, *rest = text.splitlines()
    if not rest:
        return [f'{indent}{quotes}{first}"""']
    return [
        f"{indent}{quotes}{first}",
        *(f"{indent}{line}".rstrip() for line in rest),
        f'{indent}"""',
    ]


def is_placeholder(node: ast.stmt) -> bool:
    """Whether a statement is a docstring or `...`."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return node.value.value is ... or isinstance(node.value.value, str)


def rewrite(source: list[str], node: Definition, text: str) -> Edit:
    """The edit that gives a class or function this docstring."""
    first = node.lineno - 1
    begin = node.body[0]
    if is_placeholder(begin):
        # It may stand on the line of the colon.
        header = source[first : begin.lineno]
        header[-1] = header[-1][: begin.col_offset].rstrip()
        header = header if header[-1] else header[:-1]
        last = begin.end_lineno or begin.lineno
    else:
        last = (
            min([begin.lineno, *(each.lineno for each in getattr(begin, "decorator_list", []))]) - 1
        )
        # A comment belongs to what it precedes.
        while not source[last - 1].strip() or source[last - 1].lstrip().startswith("#"):
            last -= 1
        header = source[first:last]
    if not text:
        if is_placeholder(begin) and len(node.body) == 1:
            header[-1] += " ..."
        return Edit(first, last, header)
    lines = [*header, *literal(text, " " * (node.col_offset + 4))]
    if last < len(source) and source[last].strip():
        lines.append("")
    return Edit(first, last, lines)


def exported(names: list[str]) -> list[str]:
    """The `__all__` of the module as source."""
    return ["__all__ = [", *(f'    "{name}",' for name in sorted(names)), "]"]


def synchronized(stub: str) -> str:
    """The stub with the docstrings of the module in it."""
    source = stub.splitlines()
    tree = ast.parse(stub)
    edits = [
        rewrite(source, node, docstring(described))
        for node, described in definitions(tree.body, _found)
    ]
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            edits.append(
                Edit(node.lineno - 1, node.end_lineno or node.lineno, exported(_found.__all__))
            )
    for edit in sorted(edits, reverse=True):
        source[edit.first : edit.last] = edit.lines
    return "\n".join(source) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if it is stale")
    arguments = parser.parse_args()
    stub = STUB.read_text(encoding="utf-8")
    text = synchronized(stub)
    if not arguments.check:
        STUB.write_text(text, encoding="utf-8")
    elif stub != text:
        difference = difflib.unified_diff(
            stub.splitlines(), text.splitlines(), "as it is", "as it should be", lineterm=""
        )
        print("\n".join(difference), file=sys.stderr)
        print(f"{STUB.name} is stale: run scripts/sync_stubs.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
