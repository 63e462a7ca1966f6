"""Changes between two real Keystones, over the API, by the agent."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from keystone_viaduct.cli.main import main
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.agent.listener import Listener
from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone
SYNC = "/OS-SYNC"
PATIENCE = 20.0


def create_user(client: httpx.Client, name: str, password: str = "secret") -> str:
    """A user's id."""
    answer = client.post(
        "/users", json={"user": {"name": name, "password": password, "domain_id": "default"}}
    )
    answer.raise_for_status()
    return str(answer.json()["user"]["id"])


def served(client: httpx.Client, path: str) -> bool:
    """Whether the site serves it before long."""
    pause, until = threading.Event(), time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if client.get(path).status_code == 200:
            return True
        pause.wait(0.05)
    return False


def test_a_user_made_at_the_hub_logs_in_at_the_spoke_with_the_same_id(
    sites: Sites, east: httpx.Client, west: httpx.Client
) -> None:
    user = create_user(east, "traveller", "wanderlust")
    assert sites.agent().once() == []
    assert west.get(f"/users/{user}").json()["user"]["name"] == "traveller"
    roles = {role["name"]: role["id"] for role in east.get("/roles").json()["roles"]}
    east.put(f"/system/users/{user}/roles/{roles['reader']}").raise_for_status()
    assert sites.agent().once() == []
    assert sites.token("west", {"system": {"all": True}}, "traveller", "wanderlust")


def test_no_secret_is_readable_on_the_way(east: httpx.Client, west: httpx.Client) -> None:
    create_user(east, "secretive", "hunter2")
    page = east.get(f"{SYNC}/changes", params={"reader": "west", "limit": 5000})
    hashes = [change for change in page.json()["changes"] if "passwords" in change.get("sealed", {})]
    assert hashes
    assert "$2b$" not in page.text and "password_hash" not in page.text


def test_an_update_and_a_delete_travel_both_ways_and_old_names_are_not_served_from_a_cache(
    sites: Sites, east: httpx.Client, west: httpx.Client
) -> None:
    user = create_user(west, "first-name")
    assert sites.agent().once() == []
    by_name = {"name": "first-name", "domain_id": "default"}
    assert [found["id"] for found in east.get("/users", params=by_name).json()["users"]] == [user]
    east.patch(f"/users/{user}", json={"user": {"name": "second-name"}}).raise_for_status()
    assert sites.agent().once() == []
    assert west.get("/users", params=by_name).json()["users"] == []
    west.delete(f"/users/{user}").raise_for_status()
    assert sites.agent().once() == []
    assert east.get(f"/users/{user}").status_code == 404


def test_a_page_larger_than_keystones_own_limit_goes_through(
    sites: Sites, east: httpx.Client, west: httpx.Client
) -> None:
    noise = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(60_000))
    region = east.post(
        "/regions", json={"region": {"id": "large", "description": "", "noise": noise[:30_000]}}
    )
    region.raise_for_status()
    for number in range(3):
        body = {"region": {"id": f"large-{number}", "noise": noise[number : number + 30_000]}}
        east.post("/regions", json=body).raise_for_status()
    assert sites.agent().once() == []
    assert west.get("/regions/large").json()["region"]["noise"] == noise[:30_000]


def test_what_one_keystone_cannot_read_again_is_no_other_sites_trouble_and_is_mended_from_there(
    sites: Sites, east: httpx.Client, west: httpx.Client
) -> None:
    """A number of 66 bits, which Keystone stores and which does not go into its cache."""
    roles = []
    for name in ("heavy", "heavier"):
        assert west.post("/roles", json={"role": {"name": name, "weight": 2**65}}).status_code == 500
        (stored,) = west.get(f"/roles?name={name}").json()["roles"]
        roles.append(stored["id"])
        assert not west.get(f"/roles/{stored['id']}").is_success, "stored, and never read again"
        assert not west.delete(f"/roles/{stored['id']}").is_success
    assert sites.agent().once() == []
    waiting = {one["key"]: one for one in east.get(f"{SYNC}/waiting").json()["waiting"]}
    for role in roles:
        assert waiting[role]["reason"] == "unstorable" and "weight" in waiting[role]["why"]
        assert not east.get(f"/roles/{role}").is_success
    heavy, heavier = roles
    record = east.get(f"{SYNC}/records/role/{heavy}").json()
    again = east.put(f"{SYNC}/records/role/{heavy}", json={"document": record["document"]})
    assert again.status_code == 400 and "weight" in again.text, "east could not serve it either"
    config = ["--config", str(sites.topology_file)]
    assert main(["record", "edit", "east", "role", heavy, "--unset", "extra.weight", *config]) == 0
    assert main(["record", "delete", "east", "role", heavier, *config]) == 0
    assert sites.agent().once() == []
    for site in (east, west):
        assert site.get(f"/roles/{heavy}").json()["role"]["name"] == "heavy"
        assert site.get("/roles?name=heavier").json()["roles"] == []
    told = east.get(f"{SYNC}/waiting").text
    assert not any(role in told for role in roles)


def test_a_poke_brings_a_change_at_once_though_the_agent_polls_hourly(
    sites: Sites, east: httpx.Client, west: httpx.Client
) -> None:
    agent = sites.agent()
    listener = Listener(lambda: agent, ("127.0.0.1", sites.agent_port.number))
    listener.start()
    agent.start()
    try:
        assert served(west, "/regions/east")
        wait_for_rest(agent.lanes)
        for source, target in ((west, east), (east, west)):
            region = f"poked-{time.monotonic_ns()}"
            source.post("/regions", json={"region": {"id": region}}).raise_for_status()
            assert served(target, f"/regions/{region}")
    finally:
        listener.stop()
        assert agent.stop(PATIENCE)
    up, down = agent.lanes
    assert up.state.offered == 1, "the spoke's poke carries its page"
    assert down.state.poked >= 1


def wait_for_rest(lanes: list[Lane]) -> None:
    """Until each direction has reached its head once."""
    pause, until = threading.Event(), time.monotonic() + PATIENCE
    while time.monotonic() < until and not all(lane.state.succeeded_at for lane in lanes):
        pause.wait(0.05)
