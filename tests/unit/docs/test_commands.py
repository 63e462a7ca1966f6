"""No page shows a command that the command line does not take."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
from collections.abc import Iterator

import click
import pytest

from keystone_viaduct.cli._commands import Unread, build
from tests.unit.docs.pages import ROOT, Shown, commands

VIADUCT = commands("viaduct")


def alternatives(words: list[str]) -> Iterator[list[str]]:
    """`status|doctor` stands for two commands, `[--dry-run]` for what may be left out."""
    choices = [
        word.strip("[]").split("|") if "|" in word or word.startswith("[") else [word] for word in words
    ]
    for chosen in itertools.product(*choices):
        yield list(chosen)


def filled(command: click.Command, words: list[str]) -> list[str]:
    """With something that is taken in place of a choice that stands there by its name, as PHASE."""
    named = {
        param.make_metavar(click.Context(command)): param.type.choices[0]
        for param in command.params
        if isinstance(param, click.Argument) and isinstance(param.type, click.Choice)
    }
    return [named.get(word, word) for word in words]


def refusal(words: list[str], *, whole: bool) -> str:
    """Why the command line does not take this; '' where it does."""
    found: click.Command = build()
    context = click.Context(found, info_name="viaduct")
    while isinstance(found, click.Group):
        if not words or words[0] in ("--help", "--version"):
            return ""
        name, *words = words
        inner = found.get_command(context, name)
        if inner is None:
            return f"there is no command {name}"
        context = click.Context(inner, parent=context, info_name=name)
        found = inner
    if isinstance(found, Unread):
        return ""
    try:
        found.make_context(found.name, filled(found, words), parent=context.parent)
    except click.exceptions.Exit:
        return ""  # --help
    except click.MissingParameter as error:
        return error.format_message() if whole else ""
    except click.UsageError as error:
        return error.format_message()
    return ""


def test_there_are_commands_on_the_pages() -> None:
    assert len(VIADUCT) > 100
    assert sum(shown.whole for shown in VIADUCT) > 50


@pytest.mark.parametrize("shown", VIADUCT, ids=str)
def test_the_command_line_takes_it(shown: Shown) -> None:
    for words in alternatives(shown.words[1:]):
        assert refusal(words, whole=shown.whole) == ""


def test_what_is_wrong_is_found() -> None:
    assert refusal(["compare", "west", "--colour"], whole=False)
    assert refusal(["prommote", "west"], whole=False)
    assert refusal(["keys", "revolve"], whole=False)
    assert refusal(["promote"], whole=True) and not refusal(["promote"], whole=False)


OPENSTACK = [shown for shown in commands("openstack") if "sync" in shown.words]
PLUGIN = {
    point.name.replace("_", " "): point
    for point in importlib.metadata.entry_points(group="openstack.sync.v1")
    if point.value.startswith("keystone_viaduct.")
}


@pytest.mark.parametrize("shown", OPENSTACK, ids=str)
def test_openstackclient_takes_it(shown: Shown) -> None:
    words = shown.words[shown.words.index("sync") :]
    names = [name for name in PLUGIN if words[: len(name.split())] == name.split()]
    if not names:
        assert not shown.whole and len(words) == 1, "there is no such command"
        return
    name = max(names, key=len)
    parser = PLUGIN[name].load()(None, None).get_parser(name)
    known = {option for action in parser._actions for option in action.option_strings}
    given = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert set(given) <= known


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text()
    found = set(re.findall(r"^([a-z0-9-]+):.*##", makefile, re.M))
    return found | {f"venv-{name}" for name in ("24", "25", "27", "28", "29", "cockroach")}


@pytest.mark.parametrize("shown", commands("make"), ids=str)
def test_make_has_the_target(shown: Shown) -> None:
    named = [word for word in shown.words[1:] if "=" not in word and re.fullmatch("[a-z][a-z0-9-]*", word)]
    assert set(named) <= targets()
