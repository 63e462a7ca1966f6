"""What people are shown: names come from any user of any site, and none may speak to the terminal."""

from __future__ import annotations

import json
import sys

import pytest
import yaml

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
    assert err.count(shown) == 4
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
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    key = "".join(f"{number:03d}" for number in range(30))
    Terminal().table("", ["record", "name", "state"], [[key, "ada", "carried"]])
    lines = [line.split("│")[1].strip() for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert "".join(lines) == key


def test_programs_get_the_very_value(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(form="json").data(ODD)
    assert json.loads(capsys.readouterr().out) == ODD
    Terminal(form="yaml").data({"odd": ODD, "none": None})
    assert yaml.safe_load(capsys.readouterr().out.encode("utf-8")) == {"odd": ODD, "none": None}


def test_an_id_stands_in_one_line_beside_what_is_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Terminal().table("", ["id", "what"], [["4f" * 16, "a long story " * 20]])
    assert "4f" * 16 in capsys.readouterr().out


def test_in_a_pipe_each_row_is_a_line_and_no_word_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["4f" * 16, "a long story " * 20], ["b" * 300, "two\nlines"]]
    Terminal().table("Title", ["id", "what"], rows)
    title, head, *lines = capsys.readouterr().out.splitlines()
    assert (title, head.split()) == ("Title", ["id", "what"])
    assert [line.split()[0] for line in lines] == ["4f" * 16, "b" * 300]
    assert lines[0].endswith(("a long story " * 20).rstrip()) and lines[1].endswith("two lines")


def test_progress_is_lines_where_nobody_watches_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal().progress("marking", 200) as step:
        for _ in range(200):
            step(1, "user")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"marking: {done} of 200" for done in (1, *range(20, 201, 20))]


def test_programs_see_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal(form="json").progress("marking", 2) as step:
        step(2)
    assert capsys.readouterr().err == ""
