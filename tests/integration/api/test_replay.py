"""What was once seen of a hostile site on two real Keystones, played again (``make test-replay``).

Each test says in its first sentence what came of it before. The page docs/explanation/security.md lists them.
"""

from __future__ import annotations

import gzip
import json
import time
import uuid
from typing import Any

import httpx
import pytest

from keystone_viaduct.sync.wire.poke import Poke, sign
from tests.integration.api.conftest import Sites
from tests.integration.api.replaying import (
    FAR,
    brought,
    by_hand,
    lie,
    log_in,
    look,
    refusals,
    refused_kinds,
    sites,
)
from tests.integration.api.test_hostile import CHARTER, Ground, ground

pytestmark = [pytest.mark.keystone, pytest.mark.slow]
__all__ = ["ground", "sites"]


def test_row_2_a_poke_that_any_site_can_sign_writes_nothing(
    sites: Sites, ground: Ground, east: httpx.Client, west: httpx.Client
) -> None:
    """Before: it wrote as a full site. A limited site has the key of the fleet; its page is not looked at."""
    agent = sites.agent()
    agent.lease.renew()
    west.patch(f"/users/{ground.boss}", json={"user": {"description": "evil"}}).raise_for_status()
    page = brought(sites)
    head = 10**6
    signature = sign(agent.lease.poke_key, "west", head, page.data)
    assert agent.poked(Poke("west", head, page.data, signature, packed=page.encoding or "identity"))
    assert east.get(f"/users/{ground.boss}").json()["user"].get("description") != "evil"
    assert not agent.poked(Poke("west", head, page.data, "0" * 64))
    agent.lease.stop()
    assert sites.agent().once() == []
    assert west.get(f"/users/{ground.boss}").json()["user"].get("description") != "evil", "it goes back"


def test_row_3_a_delegation_that_leaves_roles_out_is_asked_for(ground: Ground, east: httpx.Client) -> None:
    """Before: left out was all, and so full administration."""
    present = east.get(CHARTER).json()
    everything = {"kinds": "all", "domains": "all"}
    body = {"edition": present["edition"], "coverages": {"west": everything}}
    body["delegations"] = {"west": {"kinds": "all", "domains": [ground.mine]}}
    answer = east.put(CHARTER, json=body)
    assert answer.status_code == 400 and "delegations.west.roles is missing" in answer.text
    body["delegations"]["west"]["roles"] = [ground.admin]
    answer = east.put(CHARTER, json=body)
    assert answer.status_code == 403 and "administration: true" in answer.text
    assert east.get(CHARTER).json() == present


@pytest.mark.parametrize("what", ["lives", "gaps"])
def test_row_4_invented_lives_and_gaps_make_no_page_of_the_hubs_unreadable(
    sites: Sites, ground: Ground, east: httpx.Client, what: str
) -> None:
    """Before: 8,004 members of the knowledge, and readers refused the page."""

    def invent(page: dict[str, Any]) -> None:
        page["at_head"] = True
        if what == "lives":
            page["knowledge"].update({f"west#{number:08x}": 1 for number in range(3000)})
        else:
            (own,) = [origin for origin in page["knowledge"] if origin.startswith("west#")][:1] or ["west#x"]
            gaps = {own: [0, page["upto"]["seq"] if isinstance(page["upto"], dict) else 1]}
            page["exceptions"] = [["user", f"none{number}", gaps] for number in range(900)]

    answer = lie(sites, east, invent)
    assert answer.status_code == (403 if what == "lives" else 200), answer.text
    standing = east.get("/OS-SYNC/checkpoints/west").json()
    assert len(standing["knowledge"]) < 100 and len(standing.get("exceptions", ())) <= 500
    assert sites.agent().once() == []


def test_row_5_neither_a_hash_nor_a_circle_of_trusts_nor_a_packed_page_hangs_the_hub(
    sites: Sites, ground: Ground, east: httpx.Client, west: httpx.Client
) -> None:
    """Before: one wrong log-in took 22 s (cost 16; cost 31 is days), two trusts that redelegate each other
    and one log-in never ended, 5.9 KB that open to 60 MB held the worker for 42 s.
    """
    by_hand(
        sites,
        "UPDATE password SET password_hash = :h WHERE local_user_id IN "
        "(SELECT id FROM local_user WHERE user_id = :u)",
        h="$2b$31$" + "a" * 53,
        u=ground.ann,
    )
    one, other = uuid.uuid4().hex, uuid.uuid4().hex
    for trust, above in ((one, other), (other, one)):
        by_hand(
            sites,
            "INSERT INTO trust (id, trustor_user_id, trustee_user_id, project_id, impersonation, "
            "redelegated_trust_id, extra) VALUES (:i, :a, :a, :p, 0, :r, '{}')",
            i=trust,
            a=ground.ann,
            p=ground.web,
            r=above,
        )
    assert sites.agent().once() == []
    began = time.monotonic()
    assert log_in(sites, "east", {"id": ground.ann, "password": "first"}).status_code == 201
    held = [east.get(f"/OS-SYNC/records/trust/{trust}").json() for trust in (one, other)]
    assert not all(trust.get("deleted") is False for trust in held), "no circle"
    packed = gzip.compress(b'{"changes": [' + b"[]," * 20_000_000 + b"[]]}")
    assert len(packed) < 100_000
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert east.post("/OS-SYNC/changes", content=packed, headers=headers).status_code == 413
    assert time.monotonic() - began < 60, "what took days and for ever is over"
    west.patch(f"/users/{ground.ann}", json={"user": {"password": "known"}}).raise_for_status()
    assert sites.agent().once() == []
    assert log_in(sites, "east", {"id": ground.ann, "password": "known"}).status_code == 201


def test_row_7_nobody_acts_as_somebody_who_holds_more(
    sites: Sites, ground: Ground, east: httpx.Client
) -> None:
    """Before: an application credential, an impersonating trust, an access token were taken."""
    east.put(f"/system/users/{ground.strong}/roles/{ground.admin}").raise_for_status()
    assert sites.agent().once() == []
    app, trust, token, consumer = (uuid.uuid4().hex for _ in range(4))
    by_hand(
        sites,
        "INSERT INTO application_credential (id, name, secret_hash, user_id, project_id, unrestricted) "
        "VALUES (:i, 'evil', :h, :u, :p, 0)",
        i=app,
        h="$2b$04$" + "a" * 53,
        u=ground.strong,
        p=ground.web,
    )
    by_hand(
        sites,
        "INSERT INTO trust (id, trustor_user_id, trustee_user_id, project_id, impersonation, extra) "
        "VALUES (:i, :s, :a, :p, 1, '{}')",
        i=trust,
        s=ground.strong,
        a=ground.ann,
        p=ground.web,
    )
    by_hand(sites, "INSERT INTO consumer (id, secret, extra) VALUES (:i, 's', '{}')", i=consumer)
    by_hand(
        sites,
        "INSERT INTO access_token (id, access_secret, authorizing_user_id, project_id, role_ids, "
        "consumer_id) VALUES (:i, 's', :u, :p, :r, :c)",
        i=token,
        u=ground.strong,
        p=ground.web,
        r=json.dumps([ground.member]),
        c=consumer,
    )
    assert sites.agent().once() == []
    assert refused_kinds(east) >= {"application_credential", "trust", "access_token", "consumer"}
    assert look(sites, f"SELECT count(*) FROM trust WHERE id = '{trust}'", site="east") == 0
    assert look(sites, f"SELECT count(*) FROM application_credential WHERE id = '{app}'", site="east") == 0
    assert look(sites, f"SELECT count(*) FROM access_token WHERE id = '{token}'", site="east") == 0


def test_row_7_nor_by_a_wider_rule_a_provider_of_ones_own_or_a_link_made_beforehand(
    sites: Sites, ground: Ground, east: httpx.Client
) -> None:
    """Before: an access rule of his was widened, a remote id was added to the identity provider by which he
    comes in, and a federated link was made for him.
    """
    east.put(f"/system/users/{ground.strong}/roles/{ground.admin}").raise_for_status()
    idp, mapping = uuid.uuid4().hex, uuid.uuid4().hex
    provider = {"domain_id": ground.mine, "enabled": True, "remote_ids": [f"https://{idp}"]}
    east.put(f"/OS-FEDERATION/identity_providers/{idp}", json={"identity_provider": provider})
    rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "U"}]}]
    east.put(f"/OS-FEDERATION/mappings/{mapping}", json={"mapping": {"rules": rules}})
    protocol = f"/OS-FEDERATION/identity_providers/{idp}/protocols/saml2"
    east.put(protocol, json={"protocol": {"mapping_id": mapping}}).raise_for_status()
    link = {"idp_id": idp, "protocols": [{"protocol_id": "saml2", "unique_id": "strong"}]}
    east.patch(f"/users/{ground.strong}", json={"user": {"federated": [link]}}).raise_for_status()
    his = log_in(
        sites, "east", {"id": ground.strong, "password": "first"}, project={"id": ground.vault}
    ).headers["X-Subject-Token"]
    rule = {"service": "compute", "method": "GET", "path": "/v2.1/servers"}
    east.post(
        f"/users/{ground.strong}/application_credentials",
        json={"application_credential": {"name": "narrow", "access_rules": [rule]}},
        headers={"X-Auth-Token": his},
    ).raise_for_status()
    assert sites.agent().once() == []
    by_hand(sites, "UPDATE access_rule SET path = '/**' WHERE user_id = :u", u=ground.strong)
    by_hand(sites, "INSERT INTO idp_remote_ids (idp_id, remote_id) VALUES (:i, 'https://evil')", i=idp)
    by_hand(
        sites,
        "INSERT INTO federated_user (user_id, idp_id, protocol_id, unique_id, display_name) "
        "VALUES (:u, :i, 'saml2', 'evil', 'evil')",
        u=ground.strong,
        i=idp,
    )
    assert sites.agent().once() == []
    assert refused_kinds(east) >= {"access_rule", "identity_provider", "user"}
    for site in ("east", "west"):
        path = look(sites, f"SELECT path FROM access_rule WHERE user_id = '{ground.strong}'", site=site)
        assert path == rule["path"]
        assert look(sites, "SELECT count(*) FROM idp_remote_ids WHERE remote_id LIKE '%evil'", site=site) == 0
        assert look(sites, "SELECT count(*) FROM federated_user WHERE unique_id = 'evil'", site=site) == 0


def test_row_8_no_administrator_is_locked_out(
    sites: Sites, ground: Ground, east: httpx.Client, west: httpx.Client
) -> None:
    """Before: a revocation until 2199 made all his tokens 401 at the hub, and so did his domain, disabled."""
    event = "INSERT INTO revocation_event (user_id, issued_before, revoked_at) VALUES (:u, :t, :t)"
    by_hand(sites, event, u=ground.strong, t=FAR)
    by_hand(sites, event, u=uuid.uuid4().hex, t="2026-01-01 00:00:00.000000")
    west.patch(f"/domains/{ground.mine}", json={"domain": {"enabled": False}}).raise_for_status()
    assert sites.agent().once() == []
    assert log_in(sites, "east", {"id": ground.strong, "password": "first"}).status_code == 201
    assert east.get(f"/domains/{ground.mine}").json()["domain"]["enabled"] is True
    assert refused_kinds(east) >= {"revocation_event", "domain"}
    revoked = f"SELECT count(*) FROM revocation_event WHERE user_id = '{ground.strong}'"
    assert look(sites, revoked, site="east") == 0


def test_row_11_equal_refusals_are_one_row(
    sites: Sites, ground: Ground, east: httpx.Client, west: httpx.Client
) -> None:
    """Before: a row for each; and 20,000 changes of any size waited."""

    def rows() -> int:
        return sum(row["key"] == ground.boss for row in refusals(east))

    for _ in range(3):
        west.patch(f"/users/{ground.boss}", json={"user": {"description": "evil"}}).raise_for_status()
        assert sites.agent().once() == []
    assert rows() == 1
    west.patch(f"/users/{ground.boss}", json={"user": {"description": "worse"}}).raise_for_status()
    assert sites.agent().once() == []
    assert rows() == 2
