"""What `viaduct doctor` says of a Keystone that has nothing in an SQL database."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keystone_viaduct.cli import _without_sql
from keystone_viaduct.cli._without_sql import CHECKS, Seen, configuration, seconds
from keystone_viaduct.drivers.chosen import GROUPS
from keystone_viaduct.health.finding import Verdict

NOW = 1_700_000_000_000_000
WELL: dict[str, Any] = {
    "keyspace": "keystone",
    "schema": 17,
    "serial": "LOCAL_SERIAL",
    "replicas": {"dc1": 3},
    "paxos": {"paxos_variant": "v2", "paxos_state_purging": "repaired"},
    "problems": [],
}


def verdicts(found: dict[str, Any], node: dict[str, str], clock: int = NOW // 1000) -> dict[str, Verdict]:
    """By check."""
    session = SimpleNamespace(settings=SimpleNamespace(request_timeout=3.0), clock=lambda: clock)
    ladder: Any = SimpleNamespace(session=session, node_settings=lambda names: node)
    seen = Seen(ladder, found, NOW)
    return {finding.check: finding.verdict for check in CHECKS for finding in check(seen)}


def test_where_all_is_well_each_check_says_so() -> None:
    assert set(verdicts(WELL, {"write_request_timeout": "2000ms"}).values()) == {Verdict.OK}


@pytest.mark.parametrize(
    ("found", "node", "clock", "check", "verdict"),
    [
        ({"problems": [{"message": "m", "hint": "h"}]}, {}, 0, "keyspace", Verdict.PROBLEM),
        ({"replicas": {"dc1": 2, "dc2": 1}}, {}, 0, "copies", Verdict.WARNING),
        ({"paxos": {"paxos_variant": "v1"}}, {}, 0, "paxos", Verdict.WARNING),
        ({}, {"cas_contention_timeout": "5s"}, 0, "timeouts", Verdict.WARNING),
        ({}, {}, 1100, "clock", Verdict.WARNING),
        ({}, {}, -1100, "clock", Verdict.WARNING),
    ],
)
def test_what_is_wrong_is_said_and_all_else_is_well(
    found: dict[str, Any], node: dict[str, str], clock: int, check: str, verdict: Verdict
) -> None:
    seen = verdicts({**WELL, **found}, node, NOW // 1000 + clock)
    assert seen.pop(check) is verdict
    assert set(seen.values()) == {Verdict.OK}


def test_durations_are_read_as_cassandra_writes_them() -> None:
    assert [seconds(text) for text in ("10000ms", "5s", "2m", "null")] == [10.0, 5.0, 120.0, None]


@pytest.mark.parametrize(("left", "without"), [((), True), (("trust",), False), (GROUPS, False)])
def test_only_a_keystone_that_has_nothing_in_sql_is_looked_at_so(
    tmp_path: Path, left: tuple[str, ...], without: bool
) -> None:
    drivers = "".join(f"[{group}]\ndriver = cassandra\n" for group in GROUPS if group not in left)
    path = tmp_path / "keystone.conf"
    path.write_text(f"[database]\ncassandra_node_ips = 127.0.0.1\n{drivers}")
    args: Any = SimpleNamespace(config_file=[str(path)], config_dir=None)
    assert (configuration(args) is not None) is without
    assert _without_sql.NO_SITE
