"""Three real Keystones whose Fernet keys the agent carries.

20 rotations, a site cut off, agents killed, and no token that one site issued and another could not validate.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from keystone_viaduct.cli.main import main
from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystones, SiteSpec
from keystone_viaduct.demo.wan import Cut, End, Link, Wan
from keystone_viaduct.sync.agent.agent import open_site
from keystone_viaduct.sync.agent.topology import read_topology
from keystone_viaduct.sync.client import HttpSite
from keystone_viaduct.sync.keyset.model import FleetKeys
from tests.support.sites import share

pytestmark = pytest.mark.keystone

SITES = ("hub", "west", "south")
_SHARED = ("keystone.db", "credentials")
#: Seconds that a token lives: short, so that keys are pruned during the test.
LIFE = 75


class Fleet:
    """Sites with Fernet keys of their own, an agent in a process, and a road to west that can be cut."""

    def __init__(self, folder: Path, wan: Wan) -> None:
        self.folder = folder
        self._wan = wan
        self.keystones = Keystones(folder, [self._spec(name) for name in SITES])
        self._agent: subprocess.Popen[bytes] | None = None
        self._hub: HttpSite | None = None
        self.road: Link | None = None

    def _spec(self, name: str) -> SiteSpec:
        keys = str(self.folder / name / "viaduct-keys")
        options = {
            "viaduct": {"key_repository": keys, "key_settle_time": "0.1"},
            "token": {"expiration": str(LIFE), "allow_expired_window": "0"},
            "receipt": {"expiration": str(LIFE)},
        }
        return SiteSpec(name, options=options)

    def start(self) -> None:
        """All but the agent."""
        self.keystones.prepare()
        for name in SITES[1:]:
            share(self.folder, "hub", name, _SHARED)
        for name in SITES:
            self.keystones[name].run("keystone_viaduct.cli.main", "init", "--site", name, "--hub", "hub")
        self.keystones.start()
        west = self.keystones["west"].port.number
        self.road = self._wan.link(End("agent", "127.0.0.1", 1), End("west", "127.0.0.1", west), rtt_ms=0)
        urls = {name: self.keystones[name].url for name in SITES} | {"west": self.road.url_to("west")}
        (self.folder / "clouds.yaml").write_text(
            yaml.safe_dump({"clouds": {name: _cloud(url) for name, url in urls.items()}})
        )
        sites = {name: {"cloud": name, "url": urls[name]} for name in SITES}
        agent = {"listen": False, "poll": 2, "timeout": 5, "connect_timeout": 1, "lease": 3}
        self.config.write_text(
            yaml.safe_dump({"hub": "hub", "sites": sites, "clouds": "clouds.yaml", "agent": agent})
        )

    @property
    def config(self) -> Path:
        """viaduct.yaml."""
        return self.folder / "viaduct.yaml"

    def start_agent(self) -> None:
        """In a process of its own, unless it runs."""
        if self._agent is not None:
            return
        command = [sys.executable, "-m", "keystone_viaduct.cli.main", "agent", "--config", str(self.config)]
        with (self.folder / "agent.log").open("ab") as log:
            self._agent = subprocess.Popen(command, stdout=log, stderr=log)

    def kill_agent(self) -> None:
        """As the out-of-memory killer does."""
        if self._agent is not None:
            self._agent.kill()
            self._agent.wait()
            self._agent = None

    def stop(self) -> None:
        """Everything."""
        self.kill_agent()
        if self._hub is not None:
            self._hub.close()
        self.keystones.stop()

    def keys(self) -> FleetKeys:
        """What the hub says of the fleet's token keys."""
        if self._hub is None:
            self._hub = open_site(read_topology(self.config), "hub")
        found = self._hub.keys.held_keys().repositories["tokens"].fleet
        assert found is not None
        return found

    def until(self, done: Callable[[FleetKeys], bool], what: str) -> FleetKeys:
        """Look at the hub every now and then until something holds."""
        end = time.monotonic() + 180
        while time.monotonic() < end:
            found = self.keys()
            if done(found):
                return found
            time.sleep(0.3)
        raise AssertionError(
            f"not within 180 s: {what}; {found}\n{(self.folder / 'agent.log').read_text()[-3000:]}"
        )


def _cloud(url: str) -> dict[str, Any]:
    account = {"username": "admin", "password": ADMIN_PASSWORD, "user_domain_id": "default"}
    return {"auth": {"auth_url": url, "system_scope": "all", **account}}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The three sites, without an agent."""
    with Wan(0) as wan:
        found = Fleet(tmp_path_factory.mktemp("keys"), wan)
        try:
            found.start()
            yield found
        finally:
            found.stop()


class Client(threading.Thread):
    """Takes tokens at one site and shows each at every site, at once and until it is nearly over."""

    def __init__(self, fleet: Fleet, home: str) -> None:
        super().__init__(daemon=True)
        self.urls = {name: fleet.keystones[name].url for name in SITES}
        self.home = home
        self.ended = threading.Event()
        self.checks = 0
        self.failures: list[str] = []
        self._kept: deque[tuple[float, str]] = deque(maxlen=200)

    def run(self) -> None:
        with httpx.Client(timeout=30, trust_env=False) as http:
            while not self.ended.is_set():
                try:
                    self._turn(http)
                except httpx.HTTPError as error:
                    self.failures.append(f"{self.home}: {error!r}")

    def _turn(self, http: httpx.Client) -> None:
        identity = {"methods": ["password"], "password": {"user": _USER}}
        answer = http.post(
            f"{self.urls[self.home]}/auth/tokens",
            json={"auth": {"identity": identity, "scope": {"system": {"all": True}}}},
        )
        if answer.status_code != 201:
            self.failures.append(f"{self.home} issues nothing: {answer.status_code} {answer.text[:200]}")
            return
        now = time.monotonic()
        self._kept.append((now, answer.headers["X-Subject-Token"]))
        while self._kept and self._kept[0][0] < now - LIFE + 10:
            self._kept.popleft()
        for made, token in (self._kept[-1], self._kept[0]):
            for site, url in self.urls.items():
                self._show(http, site, url, token, now - made)

    def _show(self, http: httpx.Client, site: str, url: str, token: str, age: float) -> None:
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        answer = http.get(f"{url}/auth/tokens", headers=headers)
        self.checks += 1
        if answer.status_code != 200:
            self.failures.append(f"{self.home}'s token of {age:.1f} s at {site}: {answer.status_code}")


_USER = {"name": "admin", "domain": {"id": "default"}, "password": ADMIN_PASSWORD}


def test_a_site_that_joins_takes_the_hubs_keys_and_its_old_tokens_become_valid_everywhere(
    fleet: Fleet,
) -> None:
    identity = {"methods": ["password"], "password": {"user": _USER}}
    url = fleet.keystones["west"].url
    answer = httpx.post(f"{url}/auth/tokens", json={"auth": {"identity": identity}}, trust_env=False)
    token = answer.headers["X-Subject-Token"]
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    hub = f"{fleet.keystones['hub'].url}/auth/tokens"
    assert httpx.get(hub, headers=headers, trust_env=False).status_code == 401
    fleet.start_agent()
    fleet.until(lambda keys: len(keys.sites) == 3 and not keys.missing, "all three have one set of keys")
    assert httpx.get(hub, headers=headers, trust_env=False).status_code == 200


@pytest.mark.parametrize("rotations", [3, pytest.param(20, marks=[pytest.mark.faults])])
def test_no_token_is_refused_during_rotations_with_a_site_cut_off_and_agents_killed(
    fleet: Fleet, rotations: int
) -> None:
    chance = random.Random(4)
    fleet.start_agent()
    fleet.until(lambda keys: len(keys.sites) == 3 and not keys.missing, "all three have one set of keys")
    clients = [Client(fleet, name) for name in SITES]
    for client in clients:
        client.start()
    try:
        for number in range(rotations):
            _rotate(fleet, number, chance)
        if rotations > 3:  # long enough for the first keys to go
            fleet.until(lambda keys: len(keys.known) < rotations // 2, "old keys are pruned")
    finally:
        for client in clients:
            client.ended.set()
        for client in clients:
            client.join(60)
    failures = [failure for client in clients for failure in client.failures]
    checks = sum(client.checks for client in clients)
    print(f"rotations={rotations} checks={checks} refused={len(failures)}")
    assert failures == []
    assert checks > 6 * rotations


def _rotate(fleet: Fleet, number: int, chance: random.Random) -> None:
    """One rotation to its end; some with west cut off, every other with the agent killed on the way."""
    assert fleet.road is not None
    before = fleet.keys()
    assert main(["keys", "rotate", "--repository", "tokens", "--config", str(fleet.config)]) == 0
    if number % 5 == 2:
        _rotate_while_cut(fleet, fleet.road, before)
    if number % 2:
        threading.Event().wait(chance.random() * 3)  # anywhere in the middle of a rotation
        fleet.kill_agent()
        fleet.start_agent()
    fleet.until(
        lambda keys: not keys.wanted and not keys.missing and keys.promoted_at > before.promoted_at,
        f"rotation {number + 1}",
    )


def _rotate_while_cut(fleet: Fleet, road: Link, before: FleetKeys) -> None:
    """With west away the rotation that was asked for may finish at the others, but no further one begins."""
    road.cut(Cut.RESET)
    try:
        fleet.until(lambda keys: "west" in keys.missing or not keys.wanted, "west is named")
        fleet.until(lambda keys: keys.generation > before.generation, "the staged key is used")
        main(["keys", "rotate", "--repository", "tokens", "--config", str(fleet.config)])
        held = fleet.until(lambda keys: keys.missing == ("west",), "all but west have the keys")
        assert held.wanted
        assert main(["keys", "status", "--config", str(fleet.config)]) == 1
    finally:
        road.heal()


def test_the_status_names_no_key(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "status", "--json", "--config", str(fleet.config)]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["repositories"]["tokens"]["missing"] == []
    stored = [path.read_text() for path in (fleet.folder / "hub" / "fernet").iterdir() if path.is_file()]
    assert stored
    assert not [key for key in stored if key in shown or key in (fleet.folder / "agent.log").read_text()]


def test_a_site_with_a_limited_delegation_gets_no_keys(fleet: Fleet) -> None:
    site = open_site(read_topology(fleet.config), "hub")
    charter = site.charter()
    body = {
        "edition": [*charter.edition],
        "coverages": {"south": {"kinds": "all", "domains": "all"}},
        "delegations": {"south": {"kinds": ["user"], "domains": "all", "roles": []}},
    }
    site.write_charter(body)
    try:
        assert fleet.keys().sites == ("hub", "west")
        with pytest.raises(Exception, match="could make any token"):
            site.keys.sealed_keys("tokens", "south")
    finally:
        site.write_charter({"edition": [*site.charter().edition]})
        site.close()
