"""`viaduct quarantine forget`: what waits from a site is dropped, and read anew."""

from __future__ import annotations

import json

import pytest

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli.main import main
from keystone_viaduct.sync.model import Ref, Waiting


class Site:
    name = "east"

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    def waiting(self) -> tuple[dict[str, int], list[Waiting]]:
        found = [
            Waiting(Ref("user", key), key, "pending", "unproven", "", source, 0)
            for key, source in (("u1", "west"), ("u2", "south"))
        ]
        return {"pending": 2}, found

    def forget(self, source: str) -> None:
        self.forgotten.append(source)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    found = Site()
    monkeypatch.setattr(_fleet, "open_site", lambda _args, _name: found)
    return found


def test_what_waits_from_one_site_is_named_and_forgotten(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quarantine", "forget", "east", "--from", "west", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "user/u1" in told and "user/u2" not in told and "nothing was changed" in told
    assert site.forgotten == []
    assert main(["quarantine", "forget", "east", "--from", "west", "--format", "json"]) == 0
    assert [one["key"] for one in json.loads(capsys.readouterr().out)["waiting"]] == ["u1"]
    assert site.forgotten == ["west"]


def test_of_a_value_that_can_not_be_written_the_command_is_told_that_gives_another(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ref = Ref("service", "s1")
    found = {"carried": 1}, [Waiting(ref, "nova", "carried", "unstorable", "too large a number", "west", 0)]
    monkeypatch.setattr(site, "waiting", lambda: found)
    assert main(["quarantine", "show", "east", "service/s1"]) == 0
    told = capsys.readouterr().out
    assert "too large a number" in told
    assert "`viaduct record edit east service s1 --set FIELD=VALUE`" in told


@pytest.mark.parametrize(
    "words", ["forget east", "list east --from west", "retry east --from west", "list east --dry-run"]
)
def test_what_does_not_go_together_is_refused(
    words: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quarantine", *words.split()]) == 2
    assert "goes with" in capsys.readouterr().err and site.forgotten == []
