"""Whose access changes, on a terminal and off it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from keystone_viaduct.cli._access import announce
from keystone_viaduct.sync.adopt import Access, Choices, Plan

ANN = Access("login", "user", "u", "ann [admin]", ("password: set then",), (("user", "u"),))
PLAN = Plan("west", "east", False, access=(ANN,))
RED = "\x1b[1;31m"


def shown(access: str, *, terminal: bool) -> str:
    """What is printed."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80, highlight=False, color_system="standard")
    announce(console, PLAN, Choices.parse(access).settle(PLAN.access), everything=False)
    return out.getvalue()


def test_what_is_to_be_chosen_is_red_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    told = shown("", terminal=True)
    assert RED in told and "TO BE CHOSEN: hub | site" in told
    assert RED not in shown("hub", terminal=True)


def test_words_say_the_same_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    told = shown("", terminal=True)
    assert "31m" not in told and "ACCESS CHANGES" in told


def test_a_name_is_no_markup() -> None:
    assert "user/ann [admin]: password: set then" in shown("", terminal=True)
