"""Keystone's API over the stand-in: bootstrap, tokens and writes, with restarts forced at any statement."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.keystones import CommandFailed, KeystoneHome
from tests.support.standin.sites import Site, Unlucky

pytestmark = [pytest.mark.postgresql, pytest.mark.keystone]


def worked(home: KeystoneHome, rounds: int, tag: str, *more: str, files: str = "") -> dict[str, Any]:
    """What a client saw; see ``tests.support.standin.work``. ``files``: other configuration files."""
    arguments = ("-m", "tests.support.standin.work", str(rounds), tag, *more)
    environment = home.env | ({"OS_KEYSTONE_CONFIG_FILES": files} if files else {})
    printed = home.release.run("python", *arguments, env=environment, timeout=300)
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def unexpected(done: list[list[Any]]) -> list[list[Any]]:
    """All that did not end as it should; the second look at a revoked token finds nothing."""
    looks = [one for one in done if one[:2] == ["GET", "/v3/auth/tokens"]]
    assert [one[2] for one in looks] == [200, 404] * (len(looks) // 2)
    return [one for one in done if one[2] >= 400 and one not in looks]


def test_it_is_bootstrapped_and_serves(site: Site) -> None:
    found = worked(site.home, 1, "plain")
    assert unexpected(found["done"]) == []
    assert found["retries"] == 0


def test_forced_restarts_are_not_seen_by_clients(site: Site) -> None:
    site.standin.plan = Unlucky(seed=11, restart=0.04)
    before = len(site.standin.refused)
    try:
        found = worked(site.home, 2, "restart")
    finally:
        site.standin.plan = lambda _sql: None
    refused = site.standin.refused[before:]
    assert unexpected(found["done"]) == []
    assert len(refused) >= 30 and "COMMIT" in refused
    assert found["retries"] >= 0.9 * len(refused)  # some are repeated by Keystone's own decorators, inside
    assert found["outcomes"].get("exhausted", 0) == 0


def test_without_the_wrapping_they_are(site: Site) -> None:
    """The twin of the test above: the stand-in does refuse, and stock Keystone answers 500."""
    site.standin.plan = Unlucky(seed=11, restart=0.04)
    try:
        with pytest.raises(CommandFailed):
            worked(site.home, 2, "stock", "stock")
    finally:
        site.standin.plan = lambda _sql: None
    ending = (site.home.folder / "keystone.log").read_text()[-20000:]
    assert "restart transaction" in ending and "run again after" not in ending


def test_a_commit_whose_outcome_is_unknown_is_found_out(site: Site) -> None:
    site.standin.plan = Unlucky(seed=5, restart=0.02, ambiguous=0.15)
    try:
        found = worked(site.home, 2, "ambiguous")
    finally:
        site.standin.plan = lambda _sql: None
    assert unexpected(found["done"]) == []
    assert found["outcomes"].get("resolved", 0) >= 2


def test_at_read_committed_reads_need_no_transaction(site: Site) -> None:
    (site.home.folder / "committed.conf").write_text("[viaduct]\nisolation_level = READ COMMITTED\n")
    site.standin.plan = Unlucky(seed=2, restart=0.02)
    before = len(site.standin.statements)
    try:
        found = worked(site.home, 1, "committed", files="keystone.conf;committed.conf")
    finally:
        site.standin.plan = lambda _sql: None
    assert unexpected(found["done"]) == []
    sent = site.standin.statements[before:]
    assert "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED" in sent
    assert sent.count("BEGIN") < sum(sql.startswith("SELECT") for sql in sent) / 2
