"""The image's commands without a container: a hub and a spoke are made by `site`, and joined by `agent`."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import openstack
import pytest
import yaml
from keystoneauth1.exceptions import ClientException

from keystone_viaduct.demo.leash import Leashed, Port, tail
from tests.support.databases import DatabaseScope
from tests.support.servers import Server
from tests.unit.deploy.tools import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.keystone, pytest.mark.postgresql, pytest.mark.mariadb]
FOLDER = ROOT / "deploy/container"
ENGINES = {"east": "postgresql", "west": "mariadb"}
LOOKS = 3000


class Containers:
    """The services of a fleet of two, as processes of this machine."""

    def __init__(self, folder: Path, databases: dict[str, str]) -> None:
        self.folder = folder
        self.databases = databases
        self.ports = {name: Port() for name in (*databases, "agent")}
        self.running: dict[str, Leashed] = {}
        self._exits = ExitStack()
        (folder / "password").write_text("first-password\n")

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name].number}"

    def start_site(self, name: str) -> None:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        account = self.folder / "accounts" / name
        account.mkdir(parents=True, exist_ok=True)
        text = (FOLDER / "keystone.conf").read_text().replace("/var/lib/keystone", str(home))
        (home / "keystone.conf").write_text(f"{text}[identity]\npassword_hash_rounds = 4\n")
        self._start(
            name,
            "site",
            SITE=name,
            HUB="east",
            PUBLIC_URL=f"{self.url(name)}/v3",
            REGIONS=" ".join(f"{site}={self.url(site)}/v3" for site in self.databases),
            ADMIN_PASSWORD_FILE=str(self.folder / "password"),
            OS_DATABASE__CONNECTION=self.databases[name],
            OS_VIADUCT__POKE_URL=f"{self.url('agent')}/poke",
            OS_VIADUCT__KEY_SETTLE_TIME="0.1",
            KEYSTONE_CONF=str(home / "keystone.conf"),
            KEYS=str(home),
            ACCOUNT=str(account),
            BIND=f"127.0.0.1:{self.ports[name].number}",
            WORKERS="1",
        )

    def start_agent(self) -> None:
        topology = yaml.safe_load((FOLDER / "viaduct.yaml").read_text())
        del topology["sites"]["south"], topology["agent"]["dashboard"]
        topology["clouds"] = "clouds.yaml"
        topology["agent"] |= {
            "listen": f"127.0.0.1:{self.ports['agent'].number}",
            "memory": "memory.json",
            "poll": 1,
            "confirm": 1,
        }
        fleet = self.folder / "viaduct.yaml"
        fleet.write_text(yaml.safe_dump(topology))
        self._start(
            "agent", "agent", ACCOUNTS=str(self.folder / "accounts"), STATE=str(self.folder), FLEET=str(fleet)
        )

    def _start(self, name: str, script: str, **environment: str) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {**kept, "PATH": path, "PYTHONWARNINGS": "ignore", **environment}
        self.running[name] = Leashed([str(FOLDER / script)], env=env, log=self.log(name), cwd=self.folder)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def wait(self, name: str, done: Any) -> Any:
        """What `done` gives, once it gives something; a service that ends meanwhile fails the test.

        Counted in looks, for a busy machine is no failure.
        """
        pause = threading.Event()
        for _ in range(LOOKS):
            if self.running[name].poll() is not None:
                break
            try:
                found = done()
            except httpx.TransportError:
                found = None
            if found:
                return found
            pause.wait(0.2)
        pytest.fail(f"{name}:\n{tail(self.log(name))}")

    def stop(self) -> None:
        for server in self.running.values():
            server.terminate()
        for server in self.running.values():
            server.stop()
        for port in self.ports.values():
            port.release()


@pytest.fixture
def containers(
    tmp_path: Path, postgresql: Server, mariadb: Server, database_scope: DatabaseScope
) -> Iterator[Containers]:
    databases = {name: database_scope.empty(engine) for name, engine in ENGINES.items()}
    found = Containers(tmp_path, databases)
    try:
        yield found
    finally:
        found.stop()


def test_a_hub_and_an_empty_spoke_become_one_fleet_and_survive_a_restart(containers: Containers) -> None:
    for name in ENGINES:
        containers.start_site(name)
    for name in ENGINES:
        containers.wait(name, lambda name=name: httpx.get(f"{containers.url(name)}/v3").status_code == 200)
    containers.start_agent()

    def joined() -> bool:
        status = httpx.get(f"{containers.url('agent')}/status").json()
        return all(
            not link["error"] and not link["loading"] and not link["behind"] for link in status["links"]
        )

    containers.wait("agent", joined)
    admin = {
        "username": "admin",
        "password": "first-password",
        "user_domain_id": "default",
        "project_name": "admin",
        "project_domain_id": "default",
    }

    def regions() -> set[str] | None:
        """The catalog that west gives to the administrator whom only east has made."""
        try:
            west = openstack.connect(auth_url=f"{containers.url('west')}/v3", region_name="west", **admin)
            return {region.id for region in west.identity.regions()}
        except (openstack.exceptions.SDKException, ClientException):
            return None

    assert containers.wait("agent", regions) == set(ENGINES)
    account = (containers.folder / "accounts/west/cloud.yaml").read_text()
    containers.running["west"].stop()
    containers.start_site("west")
    containers.wait("west", lambda: httpx.get(f"{containers.url('west')}/v3").status_code == 200)
    assert (containers.folder / "accounts/west/cloud.yaml").read_text() == account
    assert containers.wait("agent", regions) == set(ENGINES)
    ready = httpx.get(f"{containers.url('agent')}/readyz")
    assert json.loads(ready.text) == {"ready": True, "state": "works"}
