"""Hints are for people: what they name is a command that there is, and no call of the API."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.docs.test_commands import refusal

PACKAGE = Path(__file__).parents[2] / "keystone_viaduct"
_CALL = re.compile(r"\b(?:GET|HEAD|PUT|POST|PATCH|DELETE) /")
_COMMAND = re.compile(r"`viaduct ([^`]+)`")
_CUT = re.compile(r"…|\.\.\.|\[|\]")


def text_of(node: ast.AST) -> str:
    """A text; what is computed in it stands there as X."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) if isinstance(part, ast.Constant) else "X" for part in node.values)
    return " ".join(text_of(part) for part in ast.iter_child_nodes(node))


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        yield file.relative_to(PACKAGE), ast.parse(file.read_text())


def hints() -> list[tuple[str, str]]:
    """Each hint that is given where an error or a finding is made."""
    return [
        (f"{file}:{word.value.lineno}", text_of(word.value))
        for file, tree in trees()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == "hint"
    ]


def named_commands() -> list[tuple[str, str]]:
    """Each command that a text of the product names, but for explanations in the code itself."""
    found = []
    for file, tree in trees():
        told = {
            id(body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and (body := node.body)
            and isinstance(body[0], ast.Expr)
        }
        inner = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in told | inner:
                found += [(f"{file}:{node.lineno}", one) for one in _COMMAND.findall(text_of(node))]
    return found


HINTS, NAMED = hints(), named_commands()


def test_there_are_hints_and_commands_in_them() -> None:
    assert len(HINTS) > 300 and len(NAMED) > 80


@pytest.mark.parametrize(("place", "hint"), HINTS, ids=[place for place, _ in HINTS])
def test_no_hint_names_a_call_of_the_api(place: str, hint: str) -> None:
    assert not _CALL.search(hint)


@pytest.mark.parametrize(("place", "command"), NAMED, ids=[f"{place} {command}" for place, command in NAMED])
def test_a_command_that_is_named_is_one(place: str, command: str) -> None:
    words = [word for word in command.split() if not _CUT.search(word)]
    assert refusal(words, whole=False) == ""
