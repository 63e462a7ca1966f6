"""What was once seen of a hostile site and concerns the agent, its roads and its accounts, played again
(``make test-replay``). Each test says in its first sentence what came of it before.
"""

from __future__ import annotations

import base64
import json
import re
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from keystone_viaduct.cli.main import main
from keystone_viaduct.errors import ConfigError, ViaductError
from keystone_viaduct.sync.agent.agent import open_agent, open_site
from keystone_viaduct.sync.agent.following import follow_hub
from keystone_viaduct.sync.agent.listener import Listener
from keystone_viaduct.sync.agent.topology import read_topology
from keystone_viaduct.sync.client import Transport
from keystone_viaduct.sync.keyset.model import Keyset, keyset_to_json, new_key
from keystone_viaduct.sync.sealing import KeyRing, seal
from keystone_viaduct.sync.statement import (
    Statement,
    statement_from_json,
    statement_to_json,
    terms_to_text,
)
from keystone_viaduct.sync.wire import body as wire
from keystone_viaduct.sync.wire.carried import CarriedPage
from tests.attack import lies
from tests.attack.door import Door, Trick, honest
from tests.integration.api.conftest import Sites
from tests.integration.api.replaying import (
    PATIENCE,
    agents_files,
    behind,
    by_hand,
    elsewhere,
    log_in,
    look,
    sites,
)
from tests.integration.api.test_hostile import CHARTER, Ground, ground

pytestmark = [pytest.mark.keystone, pytest.mark.slow]
__all__ = ["ground", "sites"]


@pytest.mark.parametrize("how", [lies.expanding, lies.full, lies.endless, lies.drip])
def test_row_6_what_a_site_answers_costs_the_agent_neither_its_memory_nor_its_time(
    sites: Sites, tmp_path: Path, how: Trick
) -> None:
    """Before: 9 KB opened to 96 MB and 2.5 GB of memory; a byte a second had no end."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with behind(sites, how) as url, pytest.raises(ViaductError):
        open_site(elsewhere(sites, tmp_path, url, total_timeout=5), "west").capabilities()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 400_000, f"{grown} KiB"


def test_row_6_a_site_that_always_says_that_it_was_restored_is_left_alone(
    sites: Sites, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: 460 calls of the hub in 5 s, no pause between them and no failure shown."""
    asked: list[str] = []
    send = Transport.send

    def counted(self: Transport, *arguments: Any, **named: Any) -> Any:
        asked.append(self.site)
        return send(self, *arguments, **named)

    monkeypatch.setattr(Transport, "send", counted)
    door = Door(sites.url("west"), lambda one: lies.fence if "/changes" in one.path else honest)
    door.start()
    try:
        agent = open_agent(elsewhere(sites, tmp_path, door.url))
        (up, _) = agent.lanes
        while not up.state.failures:
            up.attempt()
            assert len(asked) < 200
        assert up.state.code == "sync.fence" and "start over again and again" in up.state.error
        assert asked.count("east") < 40
        assert up.pacer.failures == 1
    finally:
        door.stop()


def test_row_9_a_limited_site_that_alone_answers_leads_no_agent_anywhere(
    sites: Sites, ground: Ground, east: httpx.Client, tmp_path: Path
) -> None:
    """Before: the agent followed it, and gave the keys of one's tokens to the others."""
    assert follow_hub(sites.topology()).settle().hub.name == "east"
    names = "SELECT hub FROM viaduct_site"
    assert look(sites, names) == "east"
    fresh = agents_files(sites, tmp_path)
    sites.keystones["east"].kill()
    try:
        by_hand(sites, "UPDATE viaduct_site SET hub = 'west', term = 9")
        for file in (sites.topology_file, fresh):
            assert follow_hub(read_topology(file)).settle().hub.name == "east"
    finally:
        by_hand(sites, "UPDATE viaduct_site SET hub = 'east', term = 1")
        sites.keystones["east"].start()
        sites.keystones["east"].wait_ready(PATIENCE)
    assert sites.agent().once() == []


def _forged(fleet: Sites, **terms: Any) -> Statement:
    """The hub's newest statement, but for what is given, under the signature of west's administrators."""
    text = look(fleet, "SELECT lineage FROM viaduct_site", site="east")
    newest = statement_from_json(json.loads(text)[-1])
    told = replace(newest.terms, number=newest.terms.number + 1, **terms)
    ring = KeyRing.load(fleet.folder / "west" / "viaduct-keys")
    return Statement(terms_to_text(told), ring.signer.sign(terms_to_text(told)), told)


def _own_key(sites: Sites) -> str:
    return KeyRing.load(sites.folder / "west" / "viaduct-keys").signer.keys[0]


@pytest.mark.parametrize("by", ["west", "east"])
def test_row_9_what_a_limited_site_signs_itself_makes_it_no_hub(
    sites: Sites, ground: Ground, tmp_path: Path, by: str
) -> None:
    """Before: nothing was signed. It names itself, or the hub, as who says that it is the hub."""
    assert follow_hub(sites.topology()).settle().once() == []
    fresh = agents_files(sites, tmp_path)
    before = look(sites, "SELECT lineage FROM viaduct_site")
    every = {"west": _own_key(sites), "east": _own_key(sites)}
    forged = _forged(sites, by=by, hub="west", term=9, sites=every)
    lineage = json.dumps([*json.loads(before), statement_to_json(forged)])
    taken = "UPDATE viaduct_site SET hub = 'west', term = 9, lineage = :lineage"
    try:
        by_hand(sites, taken, lineage=lineage)
        for file in (sites.topology_file, fresh):
            assert follow_hub(read_topology(file)).settle().hub.name == "east"
        sites.keystones["east"].kill()
        for file in (sites.topology_file, fresh):
            assert follow_hub(read_topology(file)).settle().hub.name == "east"
    finally:
        by_hand(sites, "UPDATE viaduct_site SET hub = 'east', term = 1, lineage = :lineage", lineage=before)
        if sites.keystones["east"].pid is None:
            sites.keystones["east"].start()
            sites.keystones["east"].wait_ready(PATIENCE)
    assert sites.agent().once() == []


def test_row_9_keys_and_a_charter_that_the_hub_has_not_signed_are_not_taken(
    sites: Sites, ground: Ground, east: httpx.Client, west: httpx.Client
) -> None:
    """Before: whoever had the agent's account at a site, or led the agent, gave it keys and a charter."""
    assert sites.agent().once() == []
    keys = Keyset(99, new_key(), new_key())
    public = KeyRing.load(sites.folder / "west" / "viaduct-keys").public_key
    forged = _forged(sites, keys={"tokens": (99, keys.whole)})
    for told in ({}, {"statement": statement_to_json(forged)}):
        body = json.dumps({"repository": "tokens", **keyset_to_json(keys), **told}).encode()
        sealed = base64.b64encode(seal(public, body)).decode()
        answer = west.put("/OS-SYNC/keys/tokens", json={"sealed": sealed})
        assert (answer.status_code, answer.json()["error"]["viaduct"]["code"]) == (403, "sync.unsigned")
    honest = sites.agent()
    east.patch(f"/users/{ground.ann}", json={"user": {"description": "to be carried"}}).raise_for_status()
    down = honest.lanes[1].replicator
    down._prime()
    page = down._read()
    assert isinstance(page, CarriedPage)
    value = json.loads(wire.decompress(page.data, page.encoding))
    evil = {**value, "charter": {**value["charter"], "delegations": {}}}
    for lie in (evil, {**value, "statement": None}, {**value, "statement": statement_to_json(forged)}):
        answer = west.post("/OS-SYNC/changes", json=lie)
        assert (answer.status_code, answer.json()["error"]["viaduct"]["code"]) == (403, "sync.unsigned")
    assert west.post("/OS-SYNC/changes", json=value).status_code == 200
    assert west.get(f"/users/{ground.ann}").json()["user"]["description"] == "to be carried"


def test_row_10_what_the_agent_logs_in_with_at_a_spoke_is_of_no_use_at_the_hub(
    sites: Sites, ground: Ground, east: httpx.Client, west: httpx.Client, tmp_path: Path
) -> None:
    """Before: one password for both; and a delegation without coverage sent the hub's EC2 secrets."""
    charter = east.get(CHARTER).json()
    delegation = {"kinds": "all", "domains": [ground.mine], "roles": [ground.member]}
    answer = east.put(CHARTER, json={"edition": charter["edition"], "delegations": {"west": delegation}})
    assert answer.status_code == 400 and "coverages.west" in answer.text
    clouds = {}
    for name in ("east", "west"):
        said = sites.keystones[name].run("keystone_viaduct.cli.main", "agent-account", "create", "--json")
        made = json.loads(said)
        auth = {"username": made["user"], "user_domain_id": made["domain"], "password": made["password"]}
        clouds[name] = {"auth": {"auth_url": sites.url(name), "system_scope": "all", **auth}}
    file = agents_files(sites, tmp_path)
    body = yaml.safe_load(file.read_text())
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    file.write_text(yaml.safe_dump({**body, "clouds": "clouds.yaml"}))
    east.patch(f"/users/{ground.ann}", json={"user": {"description": "carried"}}).raise_for_status()
    agent = follow_hub(read_topology(file)).settle()
    assert agent.once() == [] and agent.hub.name == "east"
    assert west.get(f"/users/{ground.ann}").json()["user"]["description"] == "carried"
    seen = clouds["west"]["auth"]
    user = {"name": seen["username"], "domain": {"id": seen["user_domain_id"]}, "password": seen["password"]}
    scope = {"system": {"all": True}}
    assert log_in(sites, "east", user, **scope).status_code == 401
    answer = log_in(sites, "west", user, **scope)
    assert answer.status_code == 201
    own = httpx.Client(
        base_url=sites.url("west"), headers={"X-Auth-Token": answer.headers["X-Subject-Token"]}, timeout=30
    )
    with own:
        assert own.get("/OS-SYNC").status_code == 200
        denied = [own.get("/users"), own.get("/OS-SYNC/conflicts"), own.put(CHARTER, json={})]
        denied.append(own.put("/OS-SYNC/records/user/u1", json={"document": {}}))
        assert {answer.status_code for answer in denied} == {403}
    assert east.get("/OS-SYNC/records/domain/viaduct-local").status_code == 403


def test_row_12_plain_http_beyond_this_machine_is_not_taken_silently(sites: Sites, tmp_path: Path) -> None:
    """Before: it was."""
    with pytest.raises(ConfigError, match="plain HTTP"):
        open_site(elsewhere(sites, tmp_path, "http://west.example.org:5000/v3"), "west")


def test_row_12_a_sites_public_key_is_replaced_with_proof_or_by_a_person_only(
    sites: Sites, east: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before: anybody who might register a site gave it another key, and read what was sealed for it."""

    def known() -> str:
        peers = east.get("/OS-SYNC/peers").json()["peers"]
        return next(str(peer["public_key"]) for peer in peers if peer["site"] == "west")

    before = known()
    (peer,) = (p for p in east.get("/OS-SYNC/peers").json()["peers"] if p["site"] == "west")
    another = base64.b64encode(KeyRing.generate().public_key).decode()
    answer = east.put("/OS-SYNC/peers/west", json={**peer, "public_key": another})
    assert (answer.status_code, answer.json()["error"]["viaduct"]["code"]) == (
        403,
        "sync.key-changed",
    )
    tried = json.loads(
        sites.keystones["west"].run("keystone_viaduct.cli.main", "renew-keys", "--dry-run", "--json")
    )
    assert tried == {"added": 2, "dropped": 0}
    sites.keystones["west"].run("keystone_viaduct.cli.main", "renew-keys")
    sites.keystones["west"].stop()
    sites.keystones["west"].start()
    sites.keystones["west"].wait_ready(PATIENCE)
    assert sites.agent().once() == [] and known() != before
    config = ["--config", str(sites.topology_file)]
    assert main(["confirm-key", "west", "--fingerprint", "0" * 32, *config]) == 2
    (fingerprint,) = re.findall(r"another fingerprint: ([0-9a-f]{32})", capsys.readouterr().err)
    status = json.loads(sites.keystones["west"].run("keystone_viaduct.cli.main", "status", "--json"))
    assert status["key"] == fingerprint
    for dry in (["--dry-run"], []):
        assert main(["confirm-key", "west", "--fingerprint", fingerprint, *dry, *config]) == 0


def test_row_13_odd_numbers_and_keys_and_texts_are_bad_requests(
    sites: Sites, east: httpx.Client, tmp_path: Path
) -> None:
    """Before: 500 for a number of forty digits and an all-zero key; texts forged lines of the log."""
    assert east.get("/OS-SYNC/conflicts", params={"limit": "9" * 40}).status_code == 400
    peer = {"public_key": "A" * 43 + "=", "incarnation": "x1", "capabilities": {}}
    assert east.put("/OS-SYNC/peers/north", json=peer).status_code == 400

    with behind(sites, lies.forging) as url, pytest.raises(ViaductError) as failed:
        open_site(elsewhere(sites, tmp_path, url), "west").capabilities()
    assert "\n" not in str(failed.value) and "\x1b" not in str(failed.value)
    listener = Listener(sites.agent, ("127.0.0.1", 0))
    listener.start()
    try:
        host, port = listener.address
        assert httpx.get(f"http://{host}:{port}/status", timeout=30).status_code == 200
    finally:
        listener.stop()


def test_row_13_a_revocation_counts_although_another_one_had_its_number(
    sites: Sites, east: httpx.Client
) -> None:
    """Before: a caller who was remembered stayed one where SQLite gave the number of the newest revocation
    out again.
    """
    by_hand(sites, "DELETE FROM revocation_event", site="east")
    other, mine = (sites.token("east", {"system": {"all": True}}) for _ in range(2))
    as_me = {"X-Auth-Token": mine}
    east.delete("/auth/tokens", headers={"X-Subject-Token": other}).raise_for_status()
    number = look(sites, "SELECT max(id) FROM revocation_event", site="east")
    assert [httpx.get(f"{sites.url('east')}/OS-SYNC", headers=as_me).status_code for _ in range(2)] == [
        200,
        200,
    ]
    by_hand(sites, "DELETE FROM revocation_event", site="east")
    east.delete("/auth/tokens", headers={"X-Subject-Token": mine}).raise_for_status()
    assert look(sites, "SELECT max(id) FROM revocation_event", site="east") == number
    assert httpx.get(f"{sites.url('east')}/OS-SYNC", headers=as_me).status_code == 401
