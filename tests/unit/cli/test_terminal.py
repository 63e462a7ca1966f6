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


def test_a_key_is_shown_to_its_end_however_narrow_the_terminal_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    key = "".join(f"{number:03d}" for number in range(30))
    Terminal().table("", ["record", "name", "state"], [[key, "ada", "carried"]])
    lines = [line.split("│")[1].strip() for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert "".join(lines) == key


def test_programs_get_the_very_value(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(as_json=True).json(ODD)
    assert json.loads(capsys.readouterr().out) == ODD
