"""The checks of a fleet: what each says of what was seen, and nothing of what nobody has looked at."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from keystone_viaduct.cli import _without_sql
from keystone_viaduct.cli._checks import CHECKS
from keystone_viaduct.health.backlog import MEANING, backlog, chosen, totals
from keystone_viaduct.health.catalogue import CATALOGUE, Scope, name_of
from keystone_viaduct.health.checks import FLEET_CHECKS, examine, verdicts
from keystone_viaduct.health.finding import Finding, Verdict, worst
from keystone_viaduct.health.view import AgentView, FleetView, KeysView, LinkView, SiteView
from keystone_viaduct.sync.model import WAITING_STATES, Ref, Waiting

NOW = 1_700_000_000.0


def site(name: str, **rest: object) -> SiteView:
    """A site of which nothing is wrong."""
    known = {
        "is_hub": name == "east",
        "reached": True,
        "hub": "east",
        "term": 1,
        "joined": True,
        "product": "0.1.0",
        "waiting": {},
        "conflicts": 0 if name == "east" else None,
        "differing": None if name == "east" else 0,
        "looked_at": NOW - 60,
        "restored_at": NOW - 2 * 86400 if name == "south" else 0.0,
    }
    return SiteView(name, **{**known, **rest})  # type: ignore[arg-type]


def link(source: str, target: str, **rest: object) -> LinkView:
    """A direction that carries."""
    known = {"behind": 0, "lag": 0.0, "succeeded_at": NOW - 2}
    return LinkView(source, target, **{**known, **rest})  # type: ignore[arg-type]


def fleet(*changed: SiteView | LinkView, **rest: object) -> FleetView:
    """Three sites that are well, but for those that are given."""
    sites = {name: site(name) for name in ("east", "south", "west")}
    links = {
        (a, b): link(a, b)
        for a, b in (("east", "west"), ("west", "east"), ("east", "south"), ("south", "east"))
    }
    for one in changed:
        if isinstance(one, SiteView):
            sites[one.name] = one
        else:
            links[one.source, one.target] = one
    known = {
        "hub": "east",
        "configured_hub": "east",
        "term": 1,
        "sites": sites,
        "links": tuple(links.values()),
        "keys": (KeysView("tokens", 3),),
        "agent": AgentView("host:1", True, upkeep=3600.0),
    }
    return FleetView(NOW, **{**known, **rest})  # type: ignore[arg-type]


def bad(view: FleetView) -> list[Finding]:
    """All that is not well."""
    return [finding for finding in examine(view) if finding.verdict is not Verdict.OK]


def test_of_a_fleet_that_is_well_every_check_of_a_state_says_so() -> None:
    found = examine(fleet())
    assert bad(fleet()) == []
    assert {finding.check for finding in found} == {name_of(check) for check in FLEET_CHECKS} - {"joined"}
    assert worst(found) is Verdict.OK


def test_the_catalogue_has_each_check_once_and_the_page_a_section_for_each() -> None:
    site_names = [name_of(check) for check in CHECKS]
    fleet_names = [name_of(check) for check in FLEET_CHECKS]
    assert [name for name, check in CATALOGUE.items() if check.scope is Scope.SITE] == site_names
    in_cassandra = [name_of(check) for check in _without_sql.CHECKS]
    assert [name for name, check in CATALOGUE.items() if check.scope is Scope.CASSANDRA] == in_cassandra
    assert [name for name, check in CATALOGUE.items() if check.scope is Scope.FLEET] == fleet_names
    page = (Path(__file__).parents[3] / "docs/reference/checks.md").read_text()
    sections = dict(re.findall(r"^## `(\w+)`\n\n(.+)$", page, re.M))
    assert sections == {name: check.question for name, check in CATALOGUE.items()}


def test_nothing_is_said_to_be_well_that_nobody_has_looked_at() -> None:
    names = ("east", "west")
    view = FleetView(NOW, "east", sites={n: SiteView(n) for n in names}, links=(LinkView("east", "west"),))
    found = {finding.check: finding.verdict for finding in examine(view)}
    assert found == {"agent": Verdict.UNKNOWN, "hub": Verdict.OK, "link": Verdict.OK}


CASES: dict[str, tuple[FleetView, str, Verdict, str]] = {
    "the agent can't reach the hub": (
        fleet(agent=AgentView("host:1", False, lease_error="east does not answer")),
        "agent",
        Verdict.PROBLEM,
        "east does not answer",
    ),
    "a site does not answer": (
        fleet(site("west", reached=False, error="connection refused")),
        "reach",
        Verdict.PROBLEM,
        "connection refused",
    ),
    "a site was put back to a backup": (
        fleet(site("west", restored_at=NOW - 7200)),
        "restored",
        Verdict.WARNING,
        "west was put back to a backup: that was noticed 2 h ago",
    ),
    "viaduct.yaml is outdated": (
        fleet(configured_hub="west"),
        "hub",
        Verdict.WARNING,
        "viaduct.yaml names west",
    ),
    "a site follows another hub": (
        fleet(site("west", hub="south", term=2)),
        "hub",
        Verdict.PROBLEM,
        "west follows south (term 2)",
    ),
    "a site has not joined": (
        fleet(site("west", joined=False)),
        "joined",
        Verdict.WARNING,
        "west has not joined",
    ),
    "a link fails": (
        fleet(link("west", "east", error="refused", code="site.unavailable", failures=4)),
        "link",
        Verdict.PROBLEM,
        "refused (4 times in a row, last well 2 s ago)",
    ),
    "a link stands still": (
        fleet(link("west", "east", succeeded_at=NOW - 900)),
        "link",
        Verdict.WARNING,
        "nothing was asked for 15 min",
    ),
    "a site is late": (
        fleet(link("east", "west", behind=7, lag=90.0)),
        "lag",
        Verdict.WARNING,
        "west lacks 7 positions of east",
    ),
    "a site is very late": (
        fleet(link("east", "west", behind=7, lag=900.0)),
        "lag",
        Verdict.PROBLEM,
        "15 min",
    ),
    "a site is being filled": (
        fleet(link("east", "west", behind=500, loading=True)),
        "lag",
        Verdict.WARNING,
        "being filled",
    ),
    "a record is quarantined": (
        fleet(
            site(
                "west",
                waiting={"quarantined": 1},
                records=(Waiting(Ref("user", "u1"), "anna", "quarantined", "unforeseen"),),
            )
        ),
        "backlog",
        Verdict.PROBLEM,
        "1 quarantined: user/u1",
    ),
    "a deletion is held": (fleet(site("west", waiting={"held": 60})), "backlog", Verdict.WARNING, "60 held"),
    "a conflict is open": (fleet(site("east", conflicts=2)), "conflicts", Verdict.WARNING, "2 conflicts"),
    "much is at one site only": (
        fleet(site("west", differing=80, missed=80, onesided=80)),
        "differences",
        Verdict.PROBLEM,
        "80 records are at east or west only",
    ),
    "something was missed": (
        fleet(site("west", differing=2, missed=2)),
        "differences",
        Verdict.WARNING,
        "missed 2 records",
    ),
    "a site lacks the keys": (
        fleet(keys=(KeysView("tokens", 3, missing=("west",)),)),
        "rotation",
        Verdict.PROBLEM,
        "west lacks the present keys",
    ),
    "keys can't be carried": (
        fleet(agent=AgentView("host:1", True, keys_error="west: no")),
        "rotation",
        Verdict.PROBLEM,
        "west: no",
    ),
    "a site was not looked at": (
        fleet(site("west", looked_at=NOW - 4 * 3600)),
        "upkeep",
        Verdict.WARNING,
        "4 h ago",
    ),
    "releases differ": (fleet(site("west", product="0.2.0")), "releases", Verdict.WARNING, "0.2.0 at west"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_fault_is_found_by_one_check_with_a_hint_and_nothing_else_is(name: str) -> None:
    view, check, verdict, told = CASES[name]
    (finding,) = bad(view)
    assert (finding.check, finding.verdict) == (check, verdict)
    assert told in finding.message and finding.hint
    json.dumps([one.as_dict() for one in examine(view)])


def test_each_check_of_a_fleet_has_a_fault_that_it_finds() -> None:
    assert {check for _, check, _, _ in CASES.values()} == {name_of(check) for check in FLEET_CHECKS}


def test_the_metrics_get_the_worst_verdict_of_each_check_at_each_site() -> None:
    view = fleet(
        link("west", "east", error="refused", failures=1), link("east", "west", error="no", failures=1)
    )
    found = verdicts(examine(view))
    assert (found["link", "west"], found["link", "east"]) == (Verdict.PROBLEM, Verdict.PROBLEM)
    assert found["link", ""] is Verdict.OK, "the two directions with south"
    assert [verdict.rank for verdict in Verdict] == [0, 1, 2, 3]


def waiting(state: str, key: str, since: int = 0) -> Waiting:
    """A record in that state."""
    return Waiting(Ref("user", key), f"name of {key}", state, "reason", "why", "east", since)


def test_the_backlog_has_the_worst_first_and_says_what_to_do() -> None:
    assert set(MEANING) == set(WAITING_STATES)
    records = tuple(waiting(state, state) for state in WAITING_STATES) + (waiting("pending", "older", -5),)
    counts = {**dict.fromkeys(WAITING_STATES, 1), "pending": 2}
    view = fleet(site("west", waiting=counts, records=records))
    entries = backlog(view)
    assert [entry.record.ref.key for entry in entries] == [
        "quarantined",
        "held",
        "carried",
        "refused",
        "older",
        "pending",
    ]
    assert totals(view) == {**dict.fromkeys(MEANING, 1), "pending": 2}
    assert entries[0].remedy == "`viaduct quarantine retry west`"
    assert entries[2].remedy == "`viaduct quarantine show west user/carried`"
    assert all(entry.meaning and entry.as_dict()["site"] == "west" for entry in entries)
    assert [e.record.ref.key for e in chosen(entries, state="held")] == ["held"]
    assert [e.record.ref.key for e in chosen(entries, site="west", kind="user", text="NAME OF OLD")] == [
        "older"
    ]
    assert list(chosen(entries, site="south")) == []


def test_the_whole_view_is_json() -> None:
    view = replace(fleet(site("west", waiting={"held": 1}, records=(waiting("held", "u"),))))
    body = json.loads(json.dumps(view.as_dict()))
    assert body["sites"]["west"]["records"][0]["key"] == "u"
    assert body["links"][0]["source"] == "east"
