"""Several releases of Keystone in one fleet (``make test-releases``): 30 with 27 and 24, 30 with 29 and 28.

Every kind is made at each site, changed at the next one and removed at the one after that, by Keystone.
Judged field by field by the comparer of the demo, which reads the databases by SQL of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pytest

from keystone_viaduct.demo.comparer import Comparison, Difference
from keystone_viaduct.demo.scenario.everything import create_everything
from keystone_viaduct.demo.scenario.world import World
from keystone_viaduct.demo.sheets import SHEETS
from tests.integration.fleet.changes import FIXED, change_everything
from tests.integration.fleet.joined import Joined, fleet
from tests.integration.fleet.pair import spec
from tests.integration.fleet.removal import LASTING, remove_by_cascades, remove_one_by_one, unlock
from tests.support.keystones import release

T = TypeVar("T")

pytestmark = [pytest.mark.keystone, pytest.mark.releases]

#: What a release has no column for. It carries the values, and writes them into its tables after an upgrade.
LACKING = {24: {("mapping", "schema_version")}}


@dataclass
class Journey:
    """What was found after each chapter: both sites' databases compared, and what was carried."""

    joined: Joined
    worlds: list[World] = field(default_factory=list)
    found: dict[str, Comparison] = field(default_factory=dict)
    carried: dict[str, set[str]] = field(default_factory=dict)
    mappings: dict[str, list[list[dict[str, Any]]]] = field(default_factory=dict)
    conflicts: list[dict[str, Any]] = field(default_factory=list)

    def close_chapter(self, name: str) -> None:
        """Synchronise all sites, and look."""
        self.carried[name] = self.joined.sync()
        self.found[name] = self.joined.compare()

    def differences(self, name: str) -> list[Difference]:
        """Where sites differ though all of them have a column for it."""
        lacking = {what for each in self.releases for what in LACKING.get(each, ())}
        return [each for each in self.found[name].differences if (each.kind, each.field) not in lacking]

    @property
    def releases(self) -> list[int]:
        """The releases that the sites run."""
        return [place.keystone.release for place in self.joined.places.values()]

    def mappings_of(self, made_at: int) -> list[dict[str, Any]]:
        """The mapping that was made at one site, as each site's API shows it."""
        path = f"/OS-FEDERATION/mappings/{self.worlds[made_at]['mapping']}"
        return [place.admin.get(path)["mapping"] for place in self.joined.places.values()]


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Tasks at the same time: each keeps another Keystone busy."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [done.result() for done in [pool.submit(task) for task in tasks]]


@pytest.fixture(scope="module", params=[(27, 24), (29, 28)], ids=["30-27-24", "30-29-28"])
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    folder = tmp_path_factory.mktemp("fleet")
    others = [
        spec(f"site{number}", folder, python=release(number).bin / "python") for number in request.param
    ]
    with fleet(folder, [spec("site30", folder), *others]) as joined:
        yield travel(joined)


def travel(joined: Joined) -> Journey:
    """Everything made at each site, changed at the next, removed at the one after that."""
    places = list(joined.places.values())
    journey = Journey(joined)
    journey.close_chapter("begun")
    journey.worlds = at_once([partial(create_everything, place, f"made-at-{place.name}") for place in places])
    journey.close_chapter("made")
    journey.mappings["made"] = [journey.mappings_of(number) for number in range(3)]
    at_once(
        [partial(change_everything, places[(n + 1) % 3], world) for n, world in enumerate(journey.worlds)]
    )
    journey.close_chapter("changed")
    journey.mappings["changed"] = [journey.mappings_of(number) for number in range(3)]
    for n, world in enumerate(journey.worlds):
        if journey.releases[(n + 2) % 3] == 24:
            unlock(places[0], world)
    joined.sync()
    # in 24 the administrator of the system may not delete another's EC2 credentials
    ways = [remove_by_cascades if n == 24 else remove_one_by_one for n in journey.releases]
    at_once(
        [partial(ways[(n + 2) % 3], places[(n + 2) % 3], world) for n, world in enumerate(journey.worlds)]
    )
    journey.close_chapter("removed")
    journey.conflicts = next(iter(joined.ends.values())).conflicts()
    return journey


def test_each_site_runs_its_own_release(journey: Journey) -> None:
    assert [f"site{number}" for number in journey.releases] == list(journey.joined.places)


def test_every_kind_made_at_each_release_is_the_same_at_all(journey: Journey) -> None:
    assert journey.differences("made") == []
    assert journey.found["made"].empty == []
    assert journey.found["made"].unused == []
    assert journey.carried["made"] == set(SHEETS)


def test_every_kind_changed_at_another_release_is_the_same_at_all(journey: Journey) -> None:
    assert journey.differences("changed") == []
    assert set(SHEETS) - FIXED - journey.carried["changed"] == set()


def test_a_schema_version_survives_a_change_at_a_site_without_that_column(journey: Journey) -> None:
    """What 27 has made is changed at 24, which neither shows nor stores the version of the mapping.

    A later Keystone sets it back to the first by itself when a change does not name it.
    """
    kept = "2.0" if journey.releases[2] == 24 else "1.0"
    for place, before, after in zip(
        journey.joined.places.values(),
        journey.mappings["made"][1],
        journey.mappings["changed"][1],
        strict=True,
    ):
        assert before["rules"] != after["rules"]
        assert len(after["rules"][0]["remote"]) == 2
        assert after.get("schema_version") == (kept if place.keystone.release > 24 else None)


def test_a_mapping_of_a_release_without_schema_versions_gets_the_first_elsewhere(journey: Journey) -> None:
    made_at = journey.releases[2]
    expected = "2.0" if made_at > 24 else "1.0"
    versions = [found.get("schema_version") for found in journey.mappings["made"][2]]
    assert versions == [expected, expected, "2.0" if made_at > 24 else None]


def test_everything_removed_at_a_third_release_is_gone_from_all(journey: Journey) -> None:
    assert journey.differences("removed") == []
    begun, removed = journey.found["begun"].records, journey.found["removed"].records
    assert {kind: removed[kind] - begun[kind] for kind in set(removed) - LASTING} == dict.fromkeys(
        set(removed) - LASTING, 0
    )
    assert set(SHEETS) - LASTING - journey.carried["removed"] == set()


def test_no_edit_met_another_but_the_passwords_of_two_bootstraps(journey: Journey) -> None:
    assert {(row["kind"], row["decided"]) for row in journey.conflicts} == {("user", "hub")}
    assert [row["fields"] for row in journey.conflicts if "passwords" not in row["fields"]] == []


def test_no_site_logged_an_error(journey: Journey) -> None:
    for place in journey.joined.places.values():
        lines = place.keystone.layout.log.read_text().splitlines()
        assert [line for line in lines if " ERROR " in line] == []
