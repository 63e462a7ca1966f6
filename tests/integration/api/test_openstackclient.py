"""``openstack sync …`` as a person types it, and ``conn.sync`` under it, at two real Keystones."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import openstack
import pytest
from openstack import exceptions

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD
from keystone_viaduct.sdk import register
from keystone_viaduct.sdk.proxy import Proxy, hint_of
from keystone_viaduct.sync.wire import microversion
from tests.integration.api.conftest import Sites
from tests.integration.api.test_conflicts import carry, contested
from tests.integration.api.test_replication import create_user
from tests.support.openstackclient import Done, Shell, environment

__all__ = ["contested"]
pytestmark = pytest.mark.keystone


class OpenStack:
    """The command, logged in at one site by clouds.yaml."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def run(self, cloud: str, *words: str) -> Done:
        """As it ends."""
        return self.shell.run("--os-cloud", cloud, *words)

    def json(self, cloud: str, *words: str) -> Any:
        """What it prints for programs."""
        return self.shell.json("--os-cloud", cloud, "sync", *words)


@pytest.fixture(scope="module")
def osc(sites: Sites) -> Iterator[OpenStack]:
    shell = Shell(sites.folder / "clouds.yaml")
    yield OpenStack(shell)
    shell.close()


def connected(sites: Sites, name: str) -> Proxy:
    """``conn.sync`` of a site, with what stands in clouds.yaml."""
    loader = openstack.config.OpenStackConfig(
        config_files=[str(sites.folder / "clouds.yaml")], load_envvars=False
    )
    connection = register(openstack.connection.Connection(config=loader.get_one(cloud=name)))
    found: Proxy = connection.sync
    return found


@pytest.fixture
def hub(sites: Sites) -> Proxy:
    return connected(sites, "east")


def test_the_clients_know_just_the_versions_of_the_api() -> None:
    from keystone_viaduct.osc import plugin
    from keystone_viaduct.sdk import proxy

    assert str(microversion.LATEST) == proxy.MICROVERSION
    minors = range(microversion.EARLIEST.minor, microversion.LATEST.minor + 1)
    assert set(plugin.API_VERSIONS) == {"1", *(f"1.{minor}" for minor in minors)}
    assert (proxy.TRIALS, proxy.TRIALS_OF_RECORDS) == (microversion.DRY_RUN, microversion.DRY_RUN_OF_RECORDS)


def test_the_sites_are_listed_with_the_one_that_is_asked(sites: Sites, hub: Proxy) -> None:
    carry(sites)
    east, west = hub.sites()
    assert (east.name, east.is_hub, east.is_here) == ("east", True, True)
    assert (west.name, west.is_hub, west.is_here, west.is_live) == ("west", False, False, True)
    assert west.acknowledged > 0 and west.heard > 0 and len(west.fingerprint) == 32
    assert [site.name for site in hub.sites(limit=1)] == ["east"]
    assert [site.name for site in hub.sites(marker="east")] == ["west"]
    assert [site.name for site in hub.sites(marker="west")] == []
    assert [(site.name, site.is_hub) for site in connected(sites, "west").sites()] == [
        ("east", True),
        ("west", False),
    ]


def test_lists_are_fetched_page_by_page_each_once(
    sites: Sites, hub: Proxy, east: httpx.Client, contested: str
) -> None:
    whole = [one["id"] for one in east.get("/OS-SYNC/audit", params={"limit": 1000}).json()["audit"]]
    for number in range(3):
        user = create_user(east, f"audited-{number}-{uuid.uuid4().hex[:8]}")
        east.delete(f"/OS-SYNC/records/user/{user}").raise_for_status()
    told = [one.id for one in hub.audit(limit=2)]
    assert told[3:] == whole and len(set(told)) == len(told)
    found = [one.id for one in hub.conflicts(key=contested, limit=1)]
    assert len(found) == 1
    assert east.get("/OS-SYNC/audit", params={"marker": "nothing"}).status_code == 404


def test_a_record_is_found_by_name_and_shown_without_its_secrets(hub: Proxy, east: httpx.Client) -> None:
    name = f"named {uuid.uuid4().hex[:8]}/ü"
    user = create_user(east, name)
    (found,) = hub.records(name)
    assert (found.kind, found.key, found.id) == ("user", user, f"user/{user}")
    record = hub.get_record("user", user)
    assert record.position and not record.is_deleted and record.digest
    with pytest.raises(exceptions.NotFoundException):
        hub.get_record("user", "nobody")


def test_what_the_site_advises_is_told(sites: Sites, hub: Proxy) -> None:
    with pytest.raises(exceptions.ForbiddenException) as caught:
        connected(sites, "west").rotate_keys("tokens")
    assert "hub" in str(caught.value.details) and hint_of(caught.value)
    with pytest.raises(exceptions.NotFoundException) as missing:
        hub.retire_site("nowhere")
    assert hint_of(missing.value)


def test_a_hook_in_clouds_yaml_registers_it_and_another_way_may_be_named(sites: Sites) -> None:
    loader = openstack.config.OpenStackConfig(
        config_files=[str(sites.folder / "clouds.yaml")], load_envvars=False
    )
    config = loader.get_one(
        cloud="east",
        vendor_hook="keystone_viaduct.sdk:register",
        sync_endpoint_override=sites.url("west"),
    )
    connection: Any = openstack.connection.Connection(config=config)
    assert connection.sync.get_capabilities().site == "west"
    assert connection.sync.default_microversion == str(microversion.LATEST)


def test_the_command_shows_the_state_and_the_sites(sites: Sites, osc: OpenStack) -> None:
    carry(sites)
    status = osc.json("west", "status")
    assert (status["site"], status["hub"], status["joined"], status["waiting"]) == ("west", "east", True, {})
    listed = osc.json("east", "site", "list", "--sort-column", "Role", "--sort-descending")
    assert [(row["Site"], row["Role"]) for row in listed] == [("west", "spoke"), ("east", "hub")]
    assert "Fingerprint" in osc.json("east", "site", "list", "--long")[0]
    assert [row["Site"] for row in osc.json("east", "site", "list", "--marker", "east", "--limit", "1")] == [
        "west"
    ]
    shown = osc.json("east", "site", "show", "west")
    assert (shown["site"], shown["role"], shown["is_here"]) == ("west", "spoke", False)


def test_the_command_lists_shows_tries_and_resolves_a_conflict(
    osc: OpenStack, east: httpx.Client, contested: str
) -> None:
    (row,) = osc.json("east", "conflict", "list", "--key", contested, "--long")
    assert (row["Kind"], row["Key"], row["Site"], row["Fields"]) == (
        "user",
        contested,
        "west",
        ["extra.description"],
    )
    shown = osc.json("east", "conflict", "show", row["ID"][:10])
    assert (shown["id"], shown["lost"]["extra.description"]) == (row["ID"], "the spoke's")
    tried = osc.json("east", "conflict", "resolve", row["ID"], "--restore", "--dry-run")
    assert tried["writes"] == [
        {"kind": "user", "key": contested, "does": "change", "fields": ["extra.description"]}
    ]
    assert east.get(f"/users/{contested}").json()["user"]["description"] == "the hub's"
    osc.json("east", "conflict", "resolve", row["ID"], "--restore")
    assert east.get(f"/users/{contested}").json()["user"]["description"] == "the spoke's"
    again = osc.run("east", "sync", "conflict", "resolve", row["ID"], "--keep")
    assert again.code == 1 and "already" in again.err and "hint:" in again.err


def test_the_command_says_where_a_record_is(sites: Sites, osc: OpenStack, east: httpx.Client) -> None:
    name = f"traced-{uuid.uuid4().hex[:8]}"
    user = create_user(east, name)
    rows = osc.json("east", "record", "trace", "user", name, "--with-cloud", "west")
    assert [(row["Site"], row["State"]) for row in rows] == [("east", "there"), ("west", "unknown")]
    carry(sites)
    rows = osc.json("east", "record", "trace", "user", user, "--with-cloud", "west", "--with-cloud", "none")
    assert [(row["Site"], row["State"]) for row in rows] == [
        ("east", "there"),
        ("west", "there"),
        ("none", "no answer"),
    ]
    assert rows[0]["Digest"] == rows[1]["Digest"]
    shown = osc.json("east", "record", "show", "user", name)
    assert (shown["key"], shown["document"]["local.name"]) == (user, name)


def test_the_command_edits_and_deletes_a_record(osc: OpenStack, east: httpx.Client) -> None:
    name = f"edited-{uuid.uuid4().hex[:8]}"
    user = create_user(east, name)
    edit = ("record", "set", "user", name, "--property", "extra.motto=new", "--property", "enabled=false")
    tried = osc.json("east", *edit, "--dry-run")
    assert (tried["key"], tried["changed"], tried["set"]) == (user, False, ["enabled", "extra.motto"])
    assert "motto" not in east.get(f"/users/{user}").json()["user"]
    assert osc.json("east", *edit)["changed"]
    found = east.get(f"/users/{user}").json()["user"]
    assert (found["motto"], found["enabled"]) == ("new", False)
    assert osc.json("east", "record", "unset", "user", user, "--property", "extra.motto")["changed"]
    assert "motto" not in east.get(f"/users/{user}").json()["user"]
    assert not osc.json("east", "record", "delete", "user", user, "--dry-run")["deleted"]
    assert east.get(f"/users/{user}").is_success
    assert osc.json("east", "record", "delete", "user", user)["deleted"]
    assert east.get(f"/users/{user}").status_code == 404


def test_the_command_shows_and_rotates_keys_and_lists_who_did(osc: OpenStack) -> None:
    """Another test may have had them rotated already, and that go on."""
    (before,) = osc.json("east", "key", "show", "tokens")
    (tried,) = osc.json("east", "key", "rotate", "tokens", "--dry-run")
    assert tried == before
    (wanted,) = osc.json("east", "key", "rotate", "tokens")
    assert wanted["Rotating"]
    latest = osc.json("east", "audit", "list", "--limit", "1", "--long")[0]
    assert (latest["Action"], latest["Target"]) == ("rotate_keys", "keys tokens")
    assert json.loads(latest["New"]) == {"rotate": True}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("site", "show", "nowhere"), "no site nowhere"),
        (("site", "retire", "east"), "is the hub"),
        (("record", "show", "user", "nobody at all"), "nobody at all"),
        (("record", "show", "nonsense", "x"), "nonsense"),
        (("record", "set", "user", "admin", "--property", "enabled"), "gives no value"),
        (("record", "set", "user", "admin", "--property", "passwords=x"), "is secret"),
        (("record", "unset", "user", "admin", "--property", "nothing"), "has no field nothing"),
        (("record", "unset", "user", "admin"), "no field is named"),
        (("record", "delete", "domain", "default"), "need domain/default"),
        (("key", "show", "nonsense"), "no key repository nonsense"),
        (("conflict", "list", "--limit", "0"), "not a number from 1 on"),
        (("conflict", "resolve", "abc"), "required"),
        (("audit", "list", "--marker", "nothing"), "nothing"),
    ],
)
def test_bad_input_ends_with_a_clear_word(osc: OpenStack, words: tuple[str, ...], told: str) -> None:
    done = osc.run("east", "sync", *words)
    assert done.code != 0
    assert told in done.err and "Traceback" not in done.err


def test_a_token_for_a_project_is_refused_with_a_hint(sites: Sites, osc: OpenStack) -> None:
    arguments = {
        "auth-type": "password",
        "auth-url": sites.url("east"),
        "username": "admin",
        "password": ADMIN_PASSWORD,
        "user-domain-id": "default",
        "project-name": "admin",
        "project-domain-id": "default",
    }
    words = [part for name, value in arguments.items() for part in (f"--os-{name}", value)]
    done = osc.shell.run(*words, "sync", "status")
    assert done.code == 1 and "scoped to the system" in done.err and "hint:" in done.err


def test_openstackclient_finds_the_commands_by_itself(sites: Sites) -> None:
    command = [sys.executable, "-m", "openstackclient.shell", "--os-cloud", "west", "sync", "site", "list"]
    done = subprocess.run(
        [*command, "-f", "csv", "-c", "Site", "-c", "Role"],
        env=environment(sites.folder / "clouds.yaml"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['"Site","Role"', '"east","hub"', '"west","spoke"']
