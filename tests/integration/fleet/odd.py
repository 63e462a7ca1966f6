"""What the tests of odd records do at a pair of sites: make them, carry everything, ask and judge."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import sqlalchemy as sa
import yaml

from keystone_viaduct.demo.handbook import write_clouds
from keystone_viaduct.demo.keystones import Keystone, SiteSpec
from keystone_viaduct.demo.scenario.place import Place
from tests.integration.fleet.pair import HUB, SPOKE, Pair, spec
from tests.records.play import Verdict, judge, last_words, rest
from tests.support.databases import DatabaseScope

Address = tuple[str, str]


#: Those into which rows are put.
TABLES = ["credential", "project", "region", "service", "trust", "mapping"]


class Shell:
    """A site's database, behind Keystone's back."""

    def __init__(self, keystone: Keystone) -> None:
        self.name = keystone.name
        self.narrow = keystone.database_url.startswith("mysql")
        self._engine = sa.create_engine(keystone.database_url, poolclass=sa.pool.NullPool)
        self._tables = sa.MetaData()
        self._tables.reflect(self._engine, only=TABLES)

    def insert(self, table: str, **row: Any) -> None:
        """One row."""
        with self._engine.begin() as connection:
            connection.execute(self._tables.tables[table].insert().values(row))

    def run(self, statement: str, **values: Any) -> None:
        """Any statement, in a transaction of its own."""
        with self._engine.begin() as connection:
            connection.execute(sa.text(statement), values)

    def region(self, name: str, extra: Any) -> None:
        """One with any text as ``extra``."""
        text = extra if isinstance(extra, str) else json.dumps(extra)
        self.insert("region", id=f"{self.name}-{name}", description="", parent_region_id=None, extra=text)


def specs_on(request: pytest.FixtureRequest, databases: DatabaseScope, folder: Path) -> list[SiteSpec]:
    """The hub's and the spoke's on the two engines that the fixture's parameter names."""
    for engine in {*request.param} - {"sqlite"}:
        request.getfixturevalue(engine)
    names = zip((HUB, SPOKE), request.param, strict=True)
    return [spec(name, folder, url=databases.empty(engine)) for name, engine in names]


def carried(pair: Pair) -> Verdict:
    """Carry everything and judge; nothing may stop or be lost without a name."""
    verdict = Verdict(0)
    rest(pair, verdict)
    judge(pair, [], verdict)
    assert (verdict.stopped, verdict.unnamed) == ([], [])
    return verdict


def post(place: Place, path: str, body: Any) -> str:
    """The id of what Keystone has made of a body (JSON, or its text) that no careful client would send.

    Half of a surrogate pair is stored, and then Keystone fails to write its answer: no id is known.
    """
    headers = {"X-Auth-Token": place.admin.token, "Content-Type": "application/json"}
    content = body if isinstance(body, str) else json.dumps(body)
    answer = httpx.post(place.keystone.url + path, content=content, headers=headers, timeout=60)
    if answer.status_code == 500 and "surrogates not allowed" in last_words(place):
        return ""
    assert answer.status_code == 201, (path, answer.text[:300], last_words(place))
    (made,) = json.loads(answer.content).values()
    return str(made["id"])


class Told(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Operator:
    """Who types commands at the hosts of a pair."""

    def __init__(self, pair: Pair, folder: Path) -> None:
        self._sites: Mapping[str, Keystone] = {place.name: place.keystone for place in (pair.hub, pair.spoke)}
        self._fleet = folder / "operator.yaml"
        clouds = write_clouds(folder / "clouds.yaml", self._sites.values())
        topology = {
            "hub": pair.hub.name,
            "clouds": str(clouds),
            "sites": {name: name for name in self._sites},
        }
        self._fleet.write_text(yaml.safe_dump(topology))

    def types(self, site: str, *arguments: str) -> Told:
        """A ``viaduct`` command that looks at one site's database."""
        return self._run(site, *arguments, "--config-file", str(self._sites[site].layout.config))

    def quarantine(self, action: str, site: str, *arguments: str) -> Told:
        """``viaduct quarantine``, which asks the site's API."""
        return self._run(site, "quarantine", action, site, *arguments, "--config", str(self._fleet))

    def listed(self, site: str) -> dict[Address, dict[str, Any]]:
        """What the list says about each record."""
        told = self.quarantine("list", site, "--json")
        found = json.loads(told.out)["waiting"]
        assert told.code == (1 if found else 0), told
        return {(item["kind"], item["key"]): item for item in found}

    def _run(self, site: str, *arguments: str) -> Told:
        done = subprocess.run(
            [str(self._sites[site].spec.python), "-m", "keystone_viaduct.cli.main", *arguments],
            env={**os.environ, **self._sites[site].environment, "COLUMNS": "250"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Told(done.returncode, done.stdout, done.stderr)
