"""`viaduct kinds --site`: what a site can store, as it says itself."""

from __future__ import annotations

import json

import pytest

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli.main import main


def test_the_fields_that_a_site_can_store_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Told:
        kinds = {"user": frozenset({"enabled", "default_project_id"})}

    class Asked:
        def capabilities(self) -> Told:
            return Told()

    monkeypatch.setattr(_fleet, "open_site", lambda _args, _name: Asked())
    assert main(["kinds", "user", "role", "--site", "west"]) == 0
    told = capsys.readouterr().out
    assert "default_project_id, enabled" in told and "none: it has no such kind" in told
    assert main(["kinds", "user", "--site", "west", "--format", "json"]) == 0
    (user,) = json.loads(capsys.readouterr().out)
    assert user["fields"] == ["default_project_id", "enabled"]
