"""A directory of the size of a company, and three sites that have it in every way that Keystone knows."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from keystone_viaduct.cli.main import main
from keystone_viaduct.demo.comparer import Comparison, Source, compare
from keystone_viaduct.demo.handbook import write_clouds, write_topology
from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystones
from keystone_viaduct.demo.leash import Port
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.sync.agent.following import follow_hub
from keystone_viaduct.sync.agent.topology import read_topology
from keystone_viaduct.sync.client import HttpSite, Transport
from tests.integration.fleet.pair import PlaceLogin, running, spec
from tests.support import directories
from tests.support.directory import Directory

SITES = ("east", "west", "north")
CORP, ROOT_DOMAIN = "c0" * 16, "<<keystone.domain.root>>"
PASSWORD = "of everybody"

Grant = tuple[str, str, str]
"""Type, actor, target; each of the role ``reader``."""


def fill(directory: Directory, people: int, groups: int) -> None:
    """An administrator, so many people, and so many groups, of twenty people each."""
    directory.add_person("admin", ADMIN_PASSWORD)
    names = person_names(people)
    directory.add_people(names, PASSWORD)
    for number, group in enumerate(group_names(groups)):
        members = (names[(number * 20 + place) % people] for place in range(20))
        directory.add_group(group, *dict.fromkeys(members))


def person_names(count: int) -> list[str]:
    """Their ``uid``."""
    return [f"person{number:04}" for number in range(count)]


def group_names(count: int) -> list[str]:
    """Their ``cn``."""
    return [f"group{number:02}" for number in range(count)]


def public_id(domain: str, sort: str, local: str) -> str:
    """Keystone's id of a user or group whose ids are mapped."""
    return hashlib.sha256(f"{domain}{sort}{local}".encode()).hexdigest()


@dataclass
class Campus:
    """Three sites, joined when :meth:`carry` was called first; ``given`` is what everybody holds."""

    keystones: Keystones
    places: Mapping[str, Place]
    topology: Path
    stack: ExitStack
    given: set[Grant] = field(default_factory=set)

    def carry(self) -> None:
        """What an agent with this file does, until it has nothing to do."""
        failures = follow_hub(read_topology(self.topology)).settle().once()
        assert failures == [], failures

    def promote(self, site: str) -> None:
        """By the product's own command."""
        assert main(["promote", site, "--config", str(self.topology)]) == 0
        self.carry()

    def sweep(self, site: str) -> None:
        """All of one sweep there."""
        with_site = HttpSite(site, Transport(site, PlaceLogin(self.places[site])))
        try:
            while with_site.sweep(500).kind:
                pass
        finally:
            with_site.close()

    def compared(self) -> Comparison:
        """All sites, field by field, read by SQL of the judge's own."""
        return compare([*map(Source.of, self.keystones.sites.values())])

    def lost(self) -> dict[str, set[Grant]]:
        """What was given and is not there, by site."""
        return {name: self.given - held(self.database(name)) for name in self.places}

    def database(self, site: str) -> Path:
        """A site's SQLite database."""
        return self.keystones[site].layout.folder / "keystone.db"

    def give(self, site: str, grants: Iterable[Grant]) -> None:
        """The role ``reader``, as Keystone would have stored it: thousands of requests would say no more."""
        made = list(grants)
        give(self.database(site), made)
        self.given.update(made)

    def members(self, site: str, domain: str) -> int:
        """How many users the site's Keystone lists in a domain; it writes down a mapping for each."""
        return len(self.places[site].admin.get(f"/users?domain_id={domain}")["users"])


def give(database: Path, grants: Sequence[Grant]) -> None:
    """Write them into a database."""
    with sqlite3.connect(database, timeout=60) as connection:
        (role,) = connection.execute("SELECT id FROM role WHERE name = 'reader'").fetchone()
        rows = [(*grant, role, 0) for grant in grants]
        connection.executemany("INSERT INTO assignment VALUES (?, ?, ?, ?, ?)", rows)


def held(database: Path) -> set[Grant]:
    """What a database says of grants."""
    with sqlite3.connect(database, timeout=60) as connection:
        return set(connection.execute("SELECT type, actor_id, target_id FROM assignment"))


def grants_of(domain: str, people: Iterable[str], groups: Iterable[str]) -> list[Grant]:
    """One of each on the domain itself."""
    return [
        *(("UserDomain", person, domain) for person in people),
        *(("GroupDomain", group, domain) for group in groups),
    ]


@contextmanager
def campus(folder: Path, directory: Directory, mapped: bool) -> Iterator[Campus]:
    """Prepared and up, not joined: east (the hub) and west have the default domain in the directory, with
    mapped ids or without; to north it is SQL's, and a file gives it the domain ``corp`` from the directory.
    """
    ldap = directories.from_database(directories.default_domain(directory))
    files = directories.from_files(folder / "domains", {"corp": directory})
    specs = [spec(name, folder, sections=files if name == "north" else ldap) for name in SITES]
    with ExitStack() as stack:
        keystones = stack.enter_context(running(folder, specs, _grown_mapped if mapped else _grown))
        places = {name: Place(site) for name, site in keystones.sites.items()}
        port = Port()
        stack.callback(port.release)
        clouds = write_clouds(folder / "clouds.yaml", keystones.sites.values())
        write_topology(folder / "viaduct.yaml", SITES[0], SITES, clouds, port.number)
        yield Campus(keystones, places, folder / "viaduct.yaml", stack)


def _grown_mapped(keystones: Keystones) -> None:
    """The ids of the default domain are mapped from now on: Keystone's own bootstrap asks the directory for
    its administrator by a mapped id, which that does not know.
    """
    _grown(keystones)
    ids = {"old": "admin", "new": public_id("default", "user", "admin")}
    for name in ("east", "west"):
        site = keystones[name]
        site.spec = replace(site.spec, options={**site.spec.options, **directories.mapped({})})
        site.write_config()
        with sqlite3.connect(site.layout.folder / "keystone.db") as database:
            for table in ("assignment", "system_assignment"):
                database.execute(f"UPDATE {table} SET actor_id = :new WHERE actor_id = :old", ids)


def _grown(keystones: Keystones) -> None:
    """A domain has to be there when Keystone reads its file."""
    with sqlite3.connect(keystones["north"].layout.folder / "keystone.db") as database:
        columns = "id, name, extra, description, enabled, domain_id, parent_id, is_domain"
        row = (CORP, "corp", "{}", "", 1, ROOT_DOMAIN, None, 1)
        database.execute(f"INSERT INTO project ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
