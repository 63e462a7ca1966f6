"""What people are shown: names come from any user of any site, and none may speak to the terminal."""

from __future__ import annotations

import json

import pytest

from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ConfigError

#: An escape sequence, C1's form of it, a carriage return, half of a pair, text that runs backwards.
ODD = ["\x1b[2J", "\x9b2J", "a\rb", "half \ud83d", "abc\u202etxt"]
SHOWN = ["\\x1b[2J", "\\x9b2J", "a\\rb", "half \\ud83d", "abc\\u202etxt"]


@pytest.mark.parametrize(("text", "shown"), [*zip(ODD, SHOWN, strict=True)])
def test_a_name_is_shown_and_does_nothing(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.say(text)
    terminal.say_error(text)
    terminal.table(text, [text], [[text]])
    terminal.error(ConfigError(text, hint=text))
    with terminal.progress(text, 1) as step:
        step(1, text)
    out, err = capsys.readouterr()
    assert out.count(shown) == 4
    assert err.count(shown) == 3
    assert text not in out + err


def test_lines_stay_lines_and_letters_letters(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.say("one\ntwo\tJosé 🐧 [bold]")
    out = capsys.readouterr().out
    assert out.startswith("one\ntwo")
    assert "José 🐧 [bold]" in out


def test_programs_get_the_very_value(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(as_json=True).json(ODD)
    assert json.loads(capsys.readouterr().out) == ODD
