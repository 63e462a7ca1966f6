"""Single records over the API, beside Keystone's own."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.sync.model import Ref
from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone
RECORDS = "/OS-SYNC/records"


def project(name: str) -> dict[str, object]:
    """A project's document."""
    document = {
        "name": name,
        "domain_id": "default",
        "parent_id": "default",
        "enabled": True,
        "description": "d",
    }
    return {"document": document}


def test_a_record_is_set_under_a_given_id_and_keystone_serves_it(east: httpx.Client) -> None:
    made = east.put(f"{RECORDS}/project/feedface", json=project("set"))
    assert made.status_code == 201, made.text
    assert east.get("/projects/feedface").json()["project"]["name"] == "set"
    changed = east.put(f"{RECORDS}/project/feedface", json=project("set-again"))
    assert changed.status_code == 200
    assert changed.json()["seq"] > made.json()["seq"]
    assert east.get("/projects/feedface").json()["project"]["name"] == "set-again"
    assert east.delete(f"{RECORDS}/project/feedface").status_code == 204
    assert east.get("/projects/feedface").status_code == 404
    gone = east.get(f"{RECORDS}/project/feedface").json()
    assert gone["deleted"] and gone["document"] == {}


def test_a_record_changed_meanwhile_is_not_overwritten(east: httpx.Client) -> None:
    made = east.put(f"{RECORDS}/project/c0ffee", json=project("mine"))
    east.patch("/projects/c0ffee", json={"project": {"description": "someone else's"}}).raise_for_status()
    answer = east.put(
        f"{RECORDS}/project/c0ffee", json=project("mine2"), headers={"If-Match": made.headers["ETag"]}
    )
    assert answer.status_code == 412
    assert answer.json()["error"]["viaduct"]["code"] == "record.changed"
    now = east.get(f"{RECORDS}/project/c0ffee")
    assert now.json()["document"]["description"] == "someone else's"
    again = {"If-Match": now.headers["ETag"]}
    assert east.delete(f"{RECORDS}/project/c0ffee", headers=again).status_code == 204


def test_secrets_are_named_but_not_shown_and_kept_when_left_out(sites: Sites, east: httpx.Client) -> None:
    body = {"user": {"name": "keeper", "password": "kept", "domain_id": "default", "email": "k@example.org"}}
    user = east.post("/users", json=body).json()["user"]["id"]
    found = east.get(f"{RECORDS}/user/{user}").json()
    assert found["secret"] == ["passwords"]
    assert "passwords" not in found["document"]
    document = {**found["document"], "extra.email": "new@example.org"}
    east.put(f"{RECORDS}/user/{user}", json={"document": document}).raise_for_status()
    assert east.get(f"/users/{user}").json()["user"]["email"] == "new@example.org"
    roles = {role["name"]: role["id"] for role in east.get("/roles").json()["roles"]}
    east.put(f"/system/users/{user}/roles/{roles['reader']}").raise_for_status()
    assert sites.token("east", {"system": {"all": True}}, "keeper", "kept")


def test_a_key_with_slashes_is_one_part_of_the_url(east: httpx.Client) -> None:
    admin = east.get("/users", params={"name": "admin"}).json()["users"][0]["id"]
    roles = {role["name"]: role["id"] for role in east.get("/roles").json()["roles"]}
    key = f"UserSystem/{admin}/system/{roles['admin']}/0"
    found = east.get(f"{RECORDS}/system_assignment/{quote(quote(key, safe=''), safe='')}")
    assert found.status_code == 200, found.text
    assert found.json()["key"] == key


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"enabled": "perhaps"}, 400, "document.invalid"),
        ({"name": "x" * 65}, 400, "document.invalid"),
        ({"colour": "blue"}, 400, "request.invalid"),
        ({"id": "another"}, 400, "request.invalid"),
        ({"domain_id": "nowhere"}, 403, "sync.forbidden"),
        ({"name": "admin"}, 403, "sync.forbidden"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_and_nothing_is_made(
    east: httpx.Client, change: dict[str, object], status: int, code: str
) -> None:
    body = project("misfit")
    document = body["document"]
    assert isinstance(document, dict)
    document.update(change)
    answer = east.put(f"{RECORDS}/project/badbad", json=body)
    assert (answer.status_code, answer.json()["error"]["viaduct"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["viaduct"]["hint"]
    assert east.get("/projects/badbad").status_code == 404


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("registered_limit", {"default_limit": 2**70, "resource_name": "cores"}, "default_limit"),
        ("trust", {"impersonation": False, "expires_at_int": 2**62}, "expires_at_int"),
    ],
)
def test_what_the_database_cannot_hold_is_refused_with_the_field(
    east: httpx.Client, kind: str, fields: dict[str, object], field: str
) -> None:
    more = {"trustor_user_id": "a", "trustee_user_id": "b"} if kind == "trust" else {}
    answer = east.put(f"{RECORDS}/{kind}/unheld", json={"document": {**fields, **more}})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["viaduct"]["code"] == "request.invalid" and field in error["message"]
    assert east.get(f"{RECORDS}/{kind}/unheld").status_code == 404


def test_a_record_that_others_need_is_not_deleted(east: httpx.Client) -> None:
    answer = east.delete(f"{RECORDS}/domain/default")
    assert answer.status_code == 403
    assert "need domain/default" in answer.json()["error"]["message"]


def test_two_sites_are_compared_over_http(sites: Sites, east: httpx.Client) -> None:
    for number in range(70):
        east.post("/regions", json={"region": {"id": f"bucket-{number}"}}).raise_for_status()
    agent = sites.agent()
    assert agent.once() == []
    link = agent.lanes[0].link
    assert Comparison(link.hub, link.spoke).find() == []
    east.patch("/regions/bucket-7", json={"region": {"description": "changed"}}).raise_for_status()
    found = Comparison(link.hub, link.spoke)
    assert [difference.ref for difference in found.find()] == [Ref("region", "bucket-7")]
    assert found.missed == []
    for _ in found.showing(found.differences):
        pass
    assert agent.once() == []
    assert Comparison(link.hub, link.spoke).find() == []
