"""Every rule has a test, every test a rule, and what the table names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from rules import RULES

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]


def rule_tests() -> dict[str, set[str]]:
    """The tests of this folder that are named after a rule, with the fixtures they take."""
    found: dict[str, set[str]] = {}
    for path in sorted(FOLDER.glob("test_rules_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if is_function and node.name.startswith("test_"):
                assert re.match(r"test_\d\d_", node.name), f"{node.name} is of no rule"
                assert node.name not in found, f"{node.name} twice"
                found[node.name] = {argument.arg for argument in node.args.args}
    return found


def number(name: str) -> int:
    return int(name.split("_")[1])


def test_the_rules_are_numbered_without_gaps() -> None:
    assert list(RULES) == list(range(1, len(RULES) + 1))


def test_every_rule_has_a_test_and_every_test_a_rule() -> None:
    # One that needs a machine of its own is tested elsewhere, and says so.
    elsewhere = {rule for rule, of in RULES.items() if of.alone and of.also}
    here = {number(name) for name in rule_tests()}
    assert here <= set(RULES)
    assert here | elsewhere == set(RULES)


def test_a_rule_that_is_not_shown_on_a_cluster_says_why() -> None:
    for name, takes in rule_tests().items():
        runs_there = takes & {"db", "space", "letters", "held"}
        # The predicates are the client's alone.
        needs_none = number(name) in (22, 34)
        assert runs_there or needs_none or RULES[number(name)].alone, name


def test_the_tests_elsewhere_are_there() -> None:
    for rule in RULES.values():
        for place in rule.also:
            path, name = place.split("::")
            text = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"\b(fn|def|class) {name}\b", text), place
