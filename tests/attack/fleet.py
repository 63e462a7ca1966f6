"""A hub and two spokes, real Keystones on PostgreSQL, and a real agent; one spoke is limited and hostile."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
from rich.console import Console

from keystone_viaduct.demo.fleet import Fleet
from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystones, SiteSpec
from keystone_viaduct.demo.leash import Leashed, Port, tail
from keystone_viaduct.demo.report import Narrator
from keystone_viaduct.demo.wan import Link
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.api.service import poke_key
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, make_engine
from tests.attack.tally import told
from tests.integration.api.test_hostile import limit, make
from tests.support.databases import DatabaseScope
from tests.support.sites import HexCipher

HUB, HONEST, LIMITED = "east", "south", "west"
WORKERS = 2
ROOT = Path(__file__).resolve().parents[2]
#: Users of another domain, all of whom the limited site changes again and again.
BOSSES = 50
PASSWORD = "of the probe"
#: Seconds for what takes a few of them on a machine that has nothing else to do.
PATIENCE = 600.0


class _Straight:
    """A road without a distance: to the site's own port, or to its door's."""

    def __init__(self, port: int) -> None:
        self._port = port

    def also_to(self, site: str, port: int) -> int:
        """The agent is reached directly."""
        return port

    def url_to(self, site: str) -> str:
        """Where the agent calls the site."""
        return f"http://127.0.0.1:{self._port}/v3"


class Company(Fleet):
    """The demo's fleet, with the agent's usual times but for those that a run of minutes would not see."""

    agent_settings = {"poll": 5, "total_timeout": 15, "timeout": 10, "longest_backoff": 5, "upkeep": 20}

    def _wait(self, done: Callable[[], bool], deadline: float) -> bool:
        return super()._wait(done, max(deadline, PATIENCE))

    @property
    def agent_pid(self) -> int:
        """The agent's process."""
        assert self._agent is not None
        return self._agent.pid

    @property
    def agent_status(self) -> int | None:
        """None while it runs."""
        assert self._agent is not None
        return self._agent.poll()

    def status(self) -> Any:
        """What the agent says of itself."""
        return self._status()


class Ground:
    """What is fought for. ``ids``: domains ``mine`` (delegated) and ``theirs``; ``probe`` is edited."""

    def __init__(self, hub: httpx.Client) -> None:
        roles = {role["name"]: role["id"] for role in hub.get("/roles").json()["roles"]}
        mine, theirs = make(hub, "/domains"), make(hub, "/domains")
        ann, strong = (make(hub, "/users", domain_id=mine, password="first") for _ in range(2))
        web, vault = (make(hub, "/projects", domain_id=domain) for domain in (mine, theirs))
        self.bosses = [make(hub, "/users", domain_id=theirs, description="honest") for _ in range(BOSSES)]
        probe = make(hub, "/users", name="probe", domain_id="default", password=PASSWORD)
        admin, member = roles["admin"], roles["member"]
        hub.put(f"/projects/{vault}/users/{strong}/roles/{admin}").raise_for_status()
        hub.put(f"/system/users/{strong}/roles/{admin}").raise_for_status()
        for user in (ann, probe):
            hub.put(f"/projects/{web}/users/{user}/roles/{member}").raise_for_status()
        self.ids = {
            "mine": mine,
            "theirs": theirs,
            "ann": ann,
            "strong": strong,
            "web": web,
            "vault": vault,
            "probe": probe,
            "admin": admin,
            "member": member,
        }
        limit(hub, {"domains": [mine], "roles": [member]})


class World:
    """The fleet, set up and at rest. ``west`` and ``hands`` are the hostile processes, None when quiet."""

    def __init__(self, folder: Path, databases: DatabaseScope, stack: ExitStack) -> None:
        self.folder = folder
        self._run_folder = databases.databases.folder
        specs = [self._spec(name, databases) for name in (HUB, HONEST, LIMITED)]
        self.keystones = Keystones(folder, specs)
        self.company = Company(Narrator(Console(file=(folder / "told.txt").open("a"))))
        self._door_port = Port()
        stack.callback(self._door_port.release)
        ports = {HONEST: self.keystones[HONEST].port.number, LIMITED: self._door_port.number}
        roads = {name: cast(Link, _Straight(port)) for name, port in ports.items()}
        self.company.equip(self.keystones, HUB, roads)
        self._raise(stack)
        self.tallies = [folder / "west.json", folder / "hands.json"]
        self.west = self._begin(
            "west", stack, target=self.keystones[LIMITED].url, port=self._door_port.number
        )
        stack.callback(self.company.stop)
        self.company.join(self.keystones, HUB, roads)
        self._stack = stack
        self.hub = stack.enter_context(self._client())
        self.ground = Ground(self.hub)
        self.settle()
        self.hands: Leashed | None = None

    def _raise(self, stack: ExitStack) -> None:
        """The Keystones, on a machine that may have other things to do."""
        stack.callback(self.keystones.stop)
        sites = self.keystones.sites.values()
        for site in sites:
            site.begin_setup()
        for site in sites:
            site.finish_setup(PATIENCE)
        for site in sites:
            site.start()
        for site in sites:
            site.wait_ready(PATIENCE)

    def _spec(self, name: str, databases: DatabaseScope) -> SiteSpec:
        url = databases.empty("postgresql")  # the set-up migrates it, however long that takes
        return SiteSpec(name, url, workers=WORKERS if name == HUB else 1)

    def _begin(self, what: str, stack: ExitStack, **config: Any) -> Leashed:
        """A process of the hostile site's."""
        file = self._configure(what, **config)
        command = [sys.executable, "-m", "keystone_viaduct.demo.leashed", f"tests.attack.{what}", str(file)]
        environment = {**self.keystones[LIMITED].environment, "PYTHONPATH": str(ROOT)}
        begun = Leashed(command, env=environment, log=self.folder / f"{what}.log", cwd=self.folder)
        stack.callback(begun.stop)
        return begun

    def _configure(self, what: str, **config: Any) -> Path:
        file = self.folder / f"{what}.config"
        known = (
            json.loads(file.read_text()) if file.exists() else {"tally": str(self.folder / f"{what}.json")}
        )
        file.write_text(json.dumps({**known, **config}))
        return file

    def _client(self) -> httpx.Client:
        token = self.token("admin", ADMIN_PASSWORD, {"system": {"all": True}})
        return httpx.Client(
            base_url=self.keystones[HUB].url, headers={"X-Auth-Token": token}, timeout=60, trust_env=False
        )

    def token(self, name: str, password: str, scope: Mapping[str, Any]) -> str:
        """A new token of the hub's."""
        account = {"name": name, "domain": {"id": "default"}, "password": password}
        body = {
            "auth": {"identity": {"methods": ["password"], "password": {"user": account}}, "scope": scope}
        }
        answer = httpx.post(f"{self.keystones[HUB].url}/auth/tokens", json=body, timeout=60)
        answer.raise_for_status()
        return str(answer.headers["X-Subject-Token"])

    def settle(self, deadline: float = 120.0) -> None:
        """Wait until nobody has anything for another."""
        if not self.company.settle(deadline):
            raise AssertionError(f"no rest:\n{tail(self.folder / 'agent' / 'agent.log')}")

    def attack(self) -> None:
        """Everything at once, until :meth:`relent`."""
        self.hands = self._begin(
            "hands",
            self._stack,
            database=self.keystones[LIMITED].database_url,
            agent=self.company.agent_url,
            hub=self.keystones[HUB].url,
            fleet_key=poke_key(self._secrets()[0]),
            site_key=self._secrets()[1],
            ids=self.ground.ids,
            token=self.token("probe", PASSWORD, {"project": {"id": self.ground.ids["web"]}}),
        )
        peers = self.hub.get("/OS-SYNC/peers").raise_for_status().json()["peers"]
        (incarnation,) = (peer["incarnation"] for peer in peers if peer["site"] == HONEST)
        self._configure("west", origin=f"{HONEST}#{incarnation}")
        self.west.process.send_signal(signal.SIGUSR1)

    def relent(self) -> None:
        """The hostile site's Keystone is left as it is, and its door tells the truth."""
        if self.hands is not None:
            self.hands.stop()
        self.west.process.send_signal(signal.SIGUSR2)

    def _secrets(self) -> tuple[bytes, str]:
        """The fleet's secret and the key of its own pokes, as the limited site has them in its own tables and
        files.
        """
        site = self.keystones[LIMITED]
        engine = make_engine(site.database_url)
        ring = KeyRing.load(site.layout.folder / "viaduct-keys")
        try:
            store = SqlStore(engine, ring, Codecs(reflect(engine), HexCipher()))
            secret = store.read(lambda tx: tx.known_state()).fleet_secret
            return secret, ring.derived("poke").hex()
        finally:
            engine.dispose()

    def look(self) -> None:
        """An operator has seen what was refused, and leaves it so."""
        self.hub.post("/OS-SYNC/conflicts", json={"keep_refused": LIMITED})

    def tried(self) -> Counter[str]:
        """How often what was tried."""
        return told(*self.tallies)

    @property
    def databases_pids(self) -> list[int]:
        """The server of the databases."""
        return [int(file.read_text()) for file in self._run_folder.glob("*.pid")]

    def workers(self, name: str) -> list[int]:
        """Process ids of a Keystone's workers."""
        pid = self.keystones[name].pid
        return [int(found) for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def wait_until(self, done: Any, seconds: float) -> bool:
        """Look now and then; False when it has not come about in time."""
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                return False
            time.sleep(0.2)
        return True


@contextmanager
def open_world(folder: Path, databases: DatabaseScope) -> Iterator[World]:
    """Everything that it started is gone at the end."""
    with ExitStack() as stack:
        yield World(folder, databases, stack)
