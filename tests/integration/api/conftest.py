"""Two real Keystones, ``east`` (hub) and ``west``, prepared by ``viaduct init``; no agent runs unless a test
runs one.

West's database is a copy of east's, so the two agree on ids from the beginning, as after an adoption.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystones, SiteSpec
from keystone_viaduct.demo.leash import Port
from keystone_viaduct.sync.agent.agent import Agent, open_agent
from keystone_viaduct.sync.agent.topology import Topology, read_topology
from tests.support.sites import share

SITES = ("east", "west")
_SHARED = ("keystone.db", "fernet", "receipts", "credentials")


class Sites:
    """The sites (the first is the hub) and how to call them. ``options``: more of ``[viaduct]``; ``cached``:
    with a cache of the one process that serves a site, for Keystone has none unless it is told so.
    """

    def __init__(
        self, folder: Path, names: Sequence[str] = SITES, *, cached: bool = False, **options: str
    ) -> None:
        self.folder = folder
        self._cache = {"cache": {"backend": "dogpile.cache.memory"}} if cached else {}
        self._options = options
        self.names = names
        self.agent_port = Port()
        self.keystones = Keystones(folder, [self._spec(name) for name in names])
        self._tokens: dict[tuple[str, str], str] = {}

    def _spec(self, name: str) -> SiteSpec:
        keys = str(self.folder / name / "viaduct-keys")
        url = f"http://127.0.0.1:{self.agent_port.number}/poke"
        ours = {"key_repository": keys, "poke_url": url, **self._options}
        # what would go to a message bus stands in the site's log
        bus = {"oslo_messaging_notifications": {"driver": "log"}}
        return SiteSpec(name, options={"viaduct": ours, **bus, **self._cache})

    def start(self) -> None:
        """Set everything up and wait until both answer."""
        self.keystones.prepare()
        for name in self.names[1:]:
            self._share(name)
        for name in self.names:
            self.keystones[name].run(
                "keystone_viaduct.cli.main", "init", "--site", name, "--hub", self.names[0]
            )
        self.keystones.start()
        (self.folder / "clouds.yaml").write_text(
            yaml.safe_dump({"clouds": {n: self._cloud(n) for n in self.names}})
        )
        self.topology_file.write_text(
            f"hub: {self.names[0]}\nsites: {{{', '.join(f'{n}: {n}' for n in self.names)}}}\n"
            "clouds: clouds.yaml\n"
            f'agent: {{listen: "127.0.0.1:{self.agent_port.number}", poll: 3600}}\n'
        )

    def _share(self, name: str) -> None:
        """The hub's database and keys for another site."""
        share(self.folder, self.names[0], name, _SHARED)

    def _cloud(self, name: str) -> dict[str, Any]:
        account = {"username": "admin", "password": ADMIN_PASSWORD, "user_domain_id": "default"}
        return {"auth": {"auth_url": self.url(name), "system_scope": "all", **account}}

    @property
    def topology_file(self) -> Path:
        """viaduct.yaml."""
        return self.folder / "viaduct.yaml"

    def topology(self) -> Topology:
        """The fleet."""
        return read_topology(self.topology_file)

    def agent(self) -> Agent:
        """A new agent, not started."""
        return open_agent(self.topology())

    def url(self, name: str) -> str:
        """A site's identity API."""
        return self.keystones[name].url

    def token(
        self, name: str, scope: dict[str, Any], user: str = "admin", password: str = ADMIN_PASSWORD
    ) -> str:
        """A new token."""
        account = {"name": user, "domain": {"id": "default"}, "password": password}
        identity = {"methods": ["password"], "password": {"user": account}}
        answer = httpx.post(
            f"{self.url(name)}/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}, timeout=30
        )
        answer.raise_for_status()
        return str(answer.headers["X-Subject-Token"])

    def client(self, name: str) -> httpx.Client:
        """A client of a site's whole API with a system administrator's token."""
        key = (name, "system")
        if key not in self._tokens:
            self._tokens[key] = self.token(name, {"system": {"all": True}})
        return httpx.Client(
            base_url=self.url(name), headers={"X-Auth-Token": self._tokens[key]}, timeout=30, trust_env=False
        )

    def stop(self) -> None:
        """End both."""
        self.keystones.stop()
        self.agent_port.release()


@contextmanager
def running(folder: Path, *, cached: bool = False, **options: str) -> Iterator[Sites]:
    """Both sites, running and joined to one fleet."""
    found = Sites(folder, cached=cached, **options)
    try:
        found.start()
        assert found.agent().once() == []
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The sites that the tests share; who parts them for good takes a fleet of its own."""
    with running(tmp_path_factory.mktemp("sites")) as found:
        yield found


@pytest.fixture
def east(sites: Sites) -> Iterator[httpx.Client]:
    """The hub's API as a system administrator."""
    with sites.client("east") as client:
        yield client


@pytest.fixture
def west(sites: Sites) -> Iterator[httpx.Client]:
    """The spoke's API as a system administrator."""
    with sites.client("west") as client:
        yield client
