"""A site on the stand-in: our tables and triggers, and the marks that Keystone's work leaves."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from tests.support.standin.sites import WRITES, Site, Unlucky

pytestmark = [pytest.mark.postgresql, pytest.mark.keystone]


def marked(site: Site) -> set[str]:
    """The kinds that have marks; they are forgotten."""
    with sa.create_engine(site.standin.url, poolclass=sa.pool.NullPool).begin() as connection:
        kinds = set(connection.execute(sa.text("SELECT DISTINCT kind FROM viaduct_dirty")).scalars())
        connection.execute(sa.text("DELETE FROM viaduct_dirty"))
    return kinds


def test_triggers_mark_what_keystone_writes_also_when_it_is_told_to_restart(site: Site) -> None:
    folder = site.home.folder
    site.home.config.write_text(
        site.home.config.read_text() + f"[viaduct]\nkey_repository = {folder}/viaduct-keys\n"
    )
    config = ("--json", "--config-file", str(site.home.config))
    report = json.loads(site.viaduct("init", "--site", "east", "--hub", "east", *config))
    assert report["tables"] == "created"
    assert report["triggers"]["created"] > 150
    assert marked(site) >= {"user", "role", "project", "domain"}
    site.standin.plan = Unlucky(seed=3, restart=0.03, only=WRITES)
    try:
        site.home.release.run("python", "-m", "tests.support.standin.work", "1", "marks", env=site.home.env)
    finally:
        site.standin.plan = lambda _sql: None
    assert site.standin.refused
    assert marked(site) >= {"user", "group", "membership", "assignment", "credential", "revocation_event"}
    again = json.loads(site.viaduct("init", "--site", "east", "--hub", "east", *config))
    assert (again["tables"], again["triggers"]["created"]) == ("current", 0)
