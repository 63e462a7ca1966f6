"""Every kind, made, changed and removed by Keystone itself, is the same in Keystones of different releases.

The hub has release 30, the spoke 27; each engine is used on both sides. Judged field by field by the comparer
of the demo, which reads the databases by SQL of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pytest

from keystone_viaduct.demo.comparer import Comparison
from keystone_viaduct.demo.scenario.everything import create_everything
from keystone_viaduct.demo.scenario.federation import federated_login
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World
from keystone_viaduct.demo.sheets import SHEETS
from tests.integration.fleet.changes import FIXED, change_everything
from tests.integration.fleet.pair import HUB, SPOKE, Pair, joined, spec
from tests.integration.fleet.removal import LASTING, remove_by_cascades, remove_one_by_one
from tests.support.databases import DatabaseScope
from tests.support.keystones import Release

T = TypeVar("T")
CREDENTIALS = {"password", "application credential", "trust", "federated"}

pytestmark = [pytest.mark.keystone, pytest.mark.keystone27]


@dataclass(frozen=True)
class Chapter:
    """What was found after both sites had done something and were synchronised."""

    found: Comparison
    carried: set[str]
    waiting: int
    conflicts: list[dict[str, Any]]


@dataclass(frozen=True)
class Journey:
    """The chapters in their order. ``logins``: what could be done at the other site after the first."""

    begun: Chapter
    made: Chapter
    changed: Chapter
    removed: Chapter
    logins: tuple[set[str], set[str]]


ENGINES = [
    pytest.param(("sqlite", "sqlite"), id="sqlite", marks=pytest.mark.twin),
    pytest.param(
        ("postgresql", "sqlite"), id="postgresql-sqlite", marks=[pytest.mark.postgresql, pytest.mark.slow]
    ),
    pytest.param(("sqlite", "mariadb"), id="sqlite-mariadb", marks=[pytest.mark.mariadb, pytest.mark.slow]),
    pytest.param(
        ("postgresql", "mariadb"),
        id="postgresql-mariadb",
        marks=[pytest.mark.postgresql, pytest.mark.mariadb, pytest.mark.slow],
    ),
    pytest.param(
        ("mariadb", "postgresql"),
        id="mariadb-postgresql",
        marks=[pytest.mark.postgresql, pytest.mark.mariadb],
    ),
    pytest.param(
        ("postgresql", "mysql"),
        id="postgresql-mysql",
        marks=[pytest.mark.postgresql, pytest.mark.mysql, pytest.mark.twin],
    ),
    *(
        pytest.param(pair, id="-".join(pair), marks=[pytest.mark.mysql, pytest.mark.slow, *marks])
        for pair, *marks in (
            (("mysql", "postgresql"), pytest.mark.postgresql),
            (("mysql", "mariadb"), pytest.mark.mariadb),
            (("mariadb", "mysql"), pytest.mark.mariadb),
            (("mysql", "sqlite"),),
            (("sqlite", "mysql"),),
        )
    ),
]


@pytest.fixture(scope="module", params=ENGINES)
def pair(
    request: pytest.FixtureRequest,
    module_databases: DatabaseScope,
    keystone27: Release,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    hub_engine, spoke_engine = request.param
    for engine in {hub_engine, spoke_engine} - {"sqlite"}:
        request.getfixturevalue(engine)
    folder = tmp_path_factory.mktemp("fleet")
    hub = spec(HUB, folder, url=module_databases.keystone(hub_engine))
    spoke = spec(SPOKE, folder, url=module_databases.empty(spoke_engine), python=keystone27.bin / "python")
    with joined(folder, hub, spoke) as pair:
        yield pair


def both(first: Callable[[], T], second: Callable[[], T]) -> tuple[T, T]:
    """Two tasks at the same time: each keeps another Keystone busy."""
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(first), pool.submit(second)
        return one.result(), two.result()


def chapter(pair: Pair) -> Chapter:
    """Synchronise and judge."""
    carried = pair.sync()
    waiting = pair.link.up.totals.pending + pair.link.down.totals.pending
    return Chapter(pair.compare(), carried, waiting, pair.ends[HUB].conflicts())


def log_in(place: Place, world: World) -> set[str]:
    """What is accepted there of what was made elsewhere."""
    user = {"user_id": world["user"], "password": world.password}
    seen = {"password": place.login(**user, project_id=world["project"]).token}
    secret = {
        "application_credential_id": world["application_credential"],
        "application_credential_secret": "app-cred-secret",
    }
    seen["application credential"] = place.login(**secret).token
    other = {"user_id": world["other"], "password": world.password, "trust_id": world["trust"]}
    seen["trust"] = place.login(**other).token
    assert federated_login(place, world, "fiona")["user"]["id"] == world["federated_user"]
    return {name for name, token in seen.items() if token} | {"federated"}


@pytest.fixture(scope="module")
def journey(pair: Pair) -> Journey:
    begun = chapter(pair)
    one, two = both(lambda: create_everything(pair.hub, "one"), lambda: create_everything(pair.spoke, "two"))
    made = chapter(pair)
    logins = log_in(pair.spoke, one), log_in(pair.hub, two)
    both(partial(change_everything, pair.spoke, one), partial(change_everything, pair.hub, two))
    changed = chapter(pair)
    both(partial(remove_one_by_one, pair.spoke, one), partial(remove_by_cascades, pair.hub, two))
    return Journey(begun, made, changed, chapter(pair), logins)


def test_two_bootstrapped_and_adopted_sites_become_equal(journey: Journey) -> None:
    assert journey.begun.found.differences == []
    # each bootstrap made the administrator's password: the hub's is the one that stays
    assert [(row["kind"], row["decided"]) for row in journey.begun.conflicts] == [("user", "hub")]
    assert "passwords" in journey.begun.conflicts[0]["fields"]


def test_every_kind_made_at_one_site_is_the_same_at_the_other(journey: Journey) -> None:
    assert journey.made.found.differences == []
    assert journey.made.found.empty == []
    assert journey.made.found.unused == []
    assert journey.made.carried == set(SHEETS)


def test_each_site_accepts_the_other_s_credentials(journey: Journey) -> None:
    assert journey.logins == (CREDENTIALS, CREDENTIALS)


def test_every_kind_changed_at_the_other_site_is_the_same_again(journey: Journey) -> None:
    assert journey.changed.found.differences == []
    assert set(SHEETS) - FIXED - journey.changed.carried == set()


def test_everything_removed_at_the_other_site_is_gone(journey: Journey) -> None:
    assert journey.removed.found.differences == []
    left = {
        kind: count - journey.begun.found.records[kind]
        for kind, count in journey.removed.found.records.items()
        if kind not in LASTING
    }
    assert left == dict.fromkeys(left, 0)
    assert set(SHEETS) - LASTING - journey.removed.carried == set()


def test_nothing_waits_and_no_edit_met_another(journey: Journey) -> None:
    chapters = (journey.made, journey.changed, journey.removed)
    assert [chapter.waiting for chapter in chapters] == [0, 0, 0]
    assert [chapter.conflicts[: -len(journey.begun.conflicts)] for chapter in chapters] == [[], [], []]
