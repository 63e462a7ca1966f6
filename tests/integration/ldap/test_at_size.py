"""A thousand people and fifty groups of a directory: joined, swept, compared, with another hub, re-loaded.

The default domain is the directory's, with mapped ids and without, and so is a domain of its own, whose ids
are always mapped. Everybody holds a role in each; none may be lost at any site, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keystone_viaduct.cli.main import main
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.capture import triggers_of
from keystone_viaduct.sync.store import make_engine, schema
from tests.integration.ldap.campus import (
    PASSWORD,
    SITES,
    Campus,
    campus,
    fill,
    grants_of,
    group_names,
    person_names,
    public_id,
)
from tests.support import directories
from tests.support.directory import Directory, directory

pytestmark = [pytest.mark.ldap, pytest.mark.keystone, pytest.mark.slow]
PEOPLE, GROUPS = 1000, 50


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with directory(tmp_path_factory.mktemp("directory")) as found:
        fill(found, PEOPLE, GROUPS)
        yield found


@pytest.mark.parametrize("mapped", [False, True], ids=["unmapped", "mapped"])
def test_nothing_of_a_company_is_lost_at_any_site(
    company: Directory, tmp_path_factory: pytest.TempPathFactory, mapped: bool
) -> None:
    with campus(tmp_path_factory.mktemp("campus"), company, mapped) as found:
        _join(found, company, mapped)
        _mend(found)
        found.promote("west")
        _mend(found, hub="west")
        _log_in(found)
        _reload(found, "north", hub="west")
        _reload(found, "east", hub="west")
        _mend(found, hub="west")
        _log_in(found)


def _join(found: Campus, company: Directory, mapped: bool) -> None:
    """Half of the default domain had its roles at west before it joined; each site has seen all people."""
    people, groups = person_names(PEOPLE), group_names(GROUPS)
    if mapped:
        people = [public_id("default", "user", name) for name in people]
        groups = [public_id("default", "group", name) for name in groups]
    found.give("west", grants_of("default", people[::2], groups[::2]))
    found.give("east", grants_of("default", people[1::2], groups[1::2]))
    for site in ("east", "west"):
        assert found.members(site, "default") >= PEOPLE
    found.carry()
    assert_kept(found)
    lab = found.places["east"].admin.post("/domains", domain={"name": "lab"})["id"]
    found.places["east"].admin.put(f"/domains/{lab}/config", config=directories.domain_config(company))
    found.carry()
    users = [public_id(lab, "user", name) for name in person_names(PEOPLE)]
    teams = [public_id(lab, "group", name) for name in group_names(GROUPS)]
    for site in ("east", "west"):
        assert found.members(site, lab) >= PEOPLE
    found.give("west", grants_of(lab, users[::2], teams[::2]))
    found.give("east", grants_of(lab, users[1::2], teams[1::2]))
    found.carry()
    assert_kept(found)


def assert_kept(found: Campus) -> None:
    """Everybody has everything at every site, and the judge finds no difference."""
    assert found.lost() == {name: set() for name in SITES}
    assert found.compared().differences == []


def _mend(found: Campus, hub: str = "east") -> None:
    """Sweeps at all sites, and the comparisons, find nothing to delete or to carry."""
    for site in (hub, *SITES):
        found.sweep(site)
    found.carry()
    for site in SITES:
        if site != hub:
            assert main(["compare", site, "--config", str(found.topology)]) == 0
    assert_kept(found)


def _log_in(found: Campus) -> None:
    """Some of them, where the directory is."""
    for site in ("east", "west"):
        for name in person_names(PEOPLE)[::250]:
            session = found.places[site].login(
                username=name, user_domain_id="default", password=PASSWORD, domain_id="default"
            )
            assert session.token


def _reload(found: Campus, site: str, hub: str) -> None:
    """A site that has lost our tables, and with them its past in the fleet, is prepared and loaded anew."""
    engine = make_engine(found.keystones[site].database_url)
    keystone = found.keystones[site]
    keystone.stop()
    with engine.connect() as connection:
        triggers_of(connection, reflect(connection), "auto").remove()
    schema.remove(engine)
    engine.dispose()
    keystone.run("keystone_viaduct.cli.main", "init", "--site", site, "--hub", hub)
    keystone.start()
    keystone.wait_ready()
    found.carry()
    assert_kept(found)
