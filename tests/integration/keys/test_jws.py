"""Two real Keystones that issue JWS tokens, each with a key of its own; the agent carries the public ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from keystone.common.jwt_utils import create_jws_keypair

from keystone_viaduct.cli.main import main
from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystones, SiteSpec
from keystone_viaduct.sync.agent.agent import open_agent, open_site
from keystone_viaduct.sync.agent.topology import read_topology
from keystone_viaduct.sync.link.keys import KeyCarrier
from tests.support.sites import share

pytestmark = pytest.mark.keystone

SITES = ("hub", "west")
#: Seconds that a token lives.
LIFE = 300


class Fleet:
    """Two sites; no agent runs but when a test has it do a round."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keystones = Keystones(folder, [self._spec(name) for name in SITES])

    def _spec(self, name: str) -> SiteSpec:
        keys = self.folder / name
        options = {
            "viaduct": {"key_repository": str(keys / "viaduct-keys"), "key_settle_time": "0.05"},
            "token": {"provider": "jws", "expiration": str(LIFE), "allow_expired_window": "0"},
            "receipt": {"expiration": str(LIFE)},
            "jwt_tokens": {
                "jws_public_key_repository": str(self.public(name)),
                "jws_private_key_repository": str(self.private(name)),
            },
        }
        return SiteSpec(name, options=options)

    def public(self, name: str) -> Path:
        """A site's folder of public keys."""
        return self.folder / name / "jws/public"

    def private(self, name: str) -> Path:
        """A site's folder of its private key."""
        return self.folder / name / "jws/private"

    def start(self) -> None:
        """Both, with a key pair each."""
        for name in SITES:
            self.public(name).mkdir(parents=True)
            self.private(name).mkdir()
            create_jws_keypair(self.private(name) / "private.pem", self.public(name) / "public.pem")
        self.keystones.prepare()
        share(self.folder, "hub", "west", ("keystone.db", "credentials"))
        for name in SITES:
            self.keystones[name].run("keystone_viaduct.cli.main", "init", "--site", name, "--hub", "hub")
        self.keystones.start()
        clouds = {name: _cloud(self.keystones[name].url) for name in SITES}
        (self.folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
        topology = {"hub": "hub", "sites": {name: name for name in SITES}, "clouds": "clouds.yaml"}
        self.config.write_text(yaml.safe_dump({**topology, "agent": {"listen": False}}))
        found = read_topology(self.config)
        assert open_agent(found).once() == []
        spokes = {name: open_site(found, name).keys for name in SITES[1:]}
        self.carrier = KeyCarrier(open_site(found, "hub").keys, spokes)

    @property
    def config(self) -> Path:
        """viaduct.yaml."""
        return self.folder / "viaduct.yaml"

    def carry(self) -> None:
        """What the agent does with keys, until nothing is left to do."""
        while self.carrier.round():
            pass
        assert not self.carrier.failures

    def token(self, name: str) -> str:
        """A fresh one."""
        user = {"name": "admin", "password": ADMIN_PASSWORD, "domain": {"id": "default"}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"system": {"all": True}}}}
        answer = httpx.post(f"{self.keystones[name].url}/auth/tokens", json=body, trust_env=False)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def is_valid(self, token: str, name: str) -> bool:
        """Whether a site knows a token."""
        url = f"{self.keystones[name].url}/users"
        answer = httpx.get(url, headers={"X-Auth-Token": token}, trust_env=False)
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200


def _cloud(url: str) -> dict[str, Any]:
    account = {"username": "admin", "password": ADMIN_PASSWORD, "user_domain_id": "default"}
    return {"auth": {"auth_url": url, "system_scope": "all", **account}}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The two sites, linked but strangers to each other's tokens."""
    found = Fleet(tmp_path_factory.mktemp("jws"))
    try:
        found.start()
        yield found
    finally:
        found.keystones.stop()


def status(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """What ``viaduct keys status`` says."""
    capsys.readouterr()
    code = main(["keys", "status", "--repository", "jws", "--json", "--config", str(fleet.config)])
    return code, json.loads(capsys.readouterr().out)["public"]


def test_tokens_of_each_site_are_valid_at_the_other(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert not fleet.is_valid(fleet.token("west"), "hub")
    fleet.carry()
    for home, other in (("hub", "west"), ("west", "hub")):
        assert fleet.is_valid(fleet.token(home), other)
    code, told = status(fleet, capsys)
    assert (code, told["missing"], len(told["keys"])) == (0, [], 2)


def test_a_site_changes_its_key_without_a_token_that_is_refused(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.carry()
    new = fleet.folder / "new.pem"
    create_jws_keypair(new, fleet.public("west") / "next.pem")
    fleet.carry()
    before = fleet.token("west")
    new.replace(fleet.private("west") / "private.pem")
    (fleet.public("west") / "public.pem").unlink()
    fleet.carry()
    after = fleet.token("west")
    for name in SITES:
        assert fleet.is_valid(before, name) and fleet.is_valid(after, name)
    _, told = status(fleet, capsys)
    states = sorted(str(since is None) for owners in told["keys"].values() for since in owners.values())
    assert states == ["False", "True", "True"], "the old key is kept for as long as a token lives"


def test_a_site_that_is_not_trusted_has_its_tokens_to_itself(fleet: Fleet) -> None:
    fleet.carry()
    head = {"X-Auth-Token": fleet.token("hub")}
    url = f"{fleet.keystones['hub'].url}/OS-SYNC/charter"
    charter = httpx.get(url, headers=head, trust_env=False).json()
    limits = {"kinds": "all", "domains": ["default"], "roles": []}
    holds = {"kinds": "all", "domains": "all"}
    limited = {**charter, "coverages": {"west": holds}, "delegations": {"west": limits}}
    httpx.put(url, headers=head, json=limited, trust_env=False).raise_for_status()
    fleet.carry()
    assert not fleet.is_valid(fleet.token("west"), "hub")
    assert fleet.is_valid(fleet.token("hub"), "west")


def test_what_is_no_key_is_refused(fleet: Fleet) -> None:
    head = {"X-Auth-Token": fleet.token("west")}
    url = f"{fleet.keystones['west'].url}/OS-SYNC/public-keys"
    before = sorted(path.read_text() for path in fleet.public("west").iterdir())
    for method, body in (
        ("PUT", {"keys": ["nothing"]}),
        ("PUT", {}),
        ("POST", {"action": "forget"}),
        ("POST", {"action": "collect", "site": "hub", "own": ["x"], "held": []}),
    ):
        answer = httpx.request(method, url, headers=head, json=body, trust_env=False)
        assert answer.status_code == 400, answer.text
    answer = httpx.post(url, headers=head, json={"action": "advance"}, trust_env=False)
    assert answer.status_code == 403
    assert sorted(path.read_text() for path in fleet.public("west").iterdir()) == before
