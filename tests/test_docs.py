"""Every example a reader can copy runs: those of README.md, of docs/, and of the docstrings.

A page, or a docstring, is one program: its fenced python blocks run one after the other in one namespace, in an
empty folder, with `await` allowed at the top level. `found.open()` without an argument gives an empty database in
memory there.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import found

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ROOT / "docs" / "api.md"
PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").glob("*.md")} - {GENERATED})

FENCE = re.compile(r"^([ ]*)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
# Outside a fence, an indented paragraph after an empty line is code, as in any docstring.
INDENTED = re.compile(r"(?<=\n\n)((?:[ ]{4}.*\n?|\n)+)")


class Block(NamedTuple):
    line: int
    code: str


def fenced(text: str) -> list[Block]:
    return [
        Block(text.count("\n", 0, match.start(2)) + 1, textwrap.dedent(match.group(2)))
        for match in FENCE.finditer(text)
    ]


def indented(text: str) -> list[Block]:
    text = FENCE.sub("", text)
    return [
        Block(text.count("\n", 0, match.start()) + 1, textwrap.dedent(match.group(1)))
        for match in INDENTED.finditer(text)
    ]


def documented() -> Iterator[tuple[str, str]]:
    """The docstrings of everything public, by name."""
    yield "found", inspect.getdoc(found) or ""
    for name in found.__all__:
        value = getattr(found, name)
        if not callable(value):
            continue
        yield name, inspect.getdoc(value) or ""
        if isinstance(value, type):
            for member, inner in vars(value).items():
                if callable(inner) and not member.startswith("_") and inspect.getdoc(inner):
                    yield f"{name}.{member}", inspect.getdoc(inner) or ""


EXAMPLES = {name: blocks for name, doc in documented() if (blocks := fenced(doc) + indented(doc))}


def run(blocks: list[Block], filename: str) -> None:
    """Run the blocks of one page, those with `await` in one event loop that lives as long as the page."""
    module = types.ModuleType("__main__")
    namespace = vars(module)
    loop = asyncio.new_event_loop()
    try:
        for block in blocks:
            tree = ast.parse("\n" * (block.line - 1) + block.code, filename)
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(tree, filename, "exec", flags=flags, dont_inherit=True)
            result: Any = eval(code, namespace)
            if code.co_flags & inspect.CO_COROUTINE:
                loop.run_until_complete(result)
        left = asyncio.all_tasks(loop)
        assert not left, f"the page leaves tasks behind: {left}"
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


@pytest.fixture(autouse=True)
def a_place_of_its_own(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    # A name, so that a page that opens twice finds what it wrote; each page has its own.
    monkeypatch.setenv("FOUND_DATABASE", f"memory:{request.node.name}")


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_examples_of_a_page_run(page: Path) -> None:
    run(fenced(page.read_text(encoding="utf-8")), str(page))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_docstring_runs(name: str) -> None:
    run(EXAMPLES[name], f"<docstring of {name}>")


def test_there_are_examples_to_run() -> None:
    """A regular expression that matches nothing would make all of the above pass."""
    assert len(fenced((ROOT / "README.md").read_text(encoding="utf-8"))) >= 2
    assert "found" in EXAMPLES


def test_an_example_that_fails_is_noticed() -> None:
    page = "```python\nx = 1\n```\n\n```python\nimport asyncio\nawait asyncio.sleep(0)\nassert x == 2\n```\n"
    with pytest.raises(AssertionError) as failure:
        run(fenced(page), "page.md")
    assert failure.traceback[-1].lineno == 7


def test_every_public_name_is_documented() -> None:
    assert [name for name, doc in documented() if not doc] == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in [*PAGES, GENERATED, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            linked = page if not path else (page.parent / path).resolve()
            if not linked.exists() or (anchor and anchor not in anchors(linked)):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_reference_says_what_the_docstrings_say() -> None:
    command = [sys.executable, ROOT / "scripts" / "generate_api.py", "--check"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
