"""What was once seen of a hostile site on two real Keystones, played again (``make test-replay``).

Each test says in its first sentence what came of it before. The page docs/explanation/security.md lists them.
"""

from __future__ import annotations

import gzip
import http.server
import json
import resource
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from keystone_viaduct.errors import ConfigError, ViaductError
from keystone_viaduct.sync.agent.agent import open_site
from keystone_viaduct.sync.agent.following import follow_hub
from keystone_viaduct.sync.agent.listener import Listener
from keystone_viaduct.sync.agent.topology import read_topology
from keystone_viaduct.sync.client import HttpSite
from keystone_viaduct.sync.wire import body as wire
from keystone_viaduct.sync.wire.carried import CarriedPage
from keystone_viaduct.sync.wire.poke import Poke, sign
from tests.integration.api.conftest import Sites, running
from tests.integration.api.test_hostile import CHARTER, Ground, ground

pytestmark = [pytest.mark.keystone, pytest.mark.slow]
__all__ = ["ground"]
#: Seconds for a Keystone to come up on a machine that has other things to do.
PATIENCE = 300
FAR = "2199-01-01 00:00:00.000000"


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """A fleet of their own: the hub is killed, and accounts are made."""
    with running(tmp_path_factory.mktemp("replay")) as found:
        yield found


def by_hand(sites: Sites, statement: str, *, site: str = "west", **values: Any) -> None:
    """A site's administrator writes into its tables."""
    with closing(sqlite3.connect(sites.folder / site / "keystone.db", timeout=30)) as shell, shell:
        shell.execute(statement, values)


def look(sites: Sites, question: str, *, site: str = "west") -> Any:
    """One value of a site's tables."""
    with closing(sqlite3.connect(sites.folder / site / "keystone.db", timeout=30)) as shell:
        return shell.execute(question).fetchone()[0]


def log_in(sites: Sites, site: str, user: dict[str, Any], **scope: Any) -> httpx.Response:
    """What a site answers."""
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, **({"scope": scope} if scope else {})}}
    return httpx.post(f"{sites.url(site)}/auth/tokens", json=body, timeout=60)


def refusals(east: httpx.Client) -> list[dict[str, Any]]:
    """What the hub lists as refused."""
    found = east.get("/OS-SYNC/conflicts", params={"limit": 1000}).json()["conflicts"]
    return [row for row in found if row["sort"] == "refused"]


def refused_kinds(east: httpx.Client) -> set[str]:
    """Of which kinds."""
    return {row["kind"] for row in refusals(east)}


def brought(sites: Sites) -> CarriedPage:
    """The page that the agent would bring from west now."""
    up = sites.agent().lanes[0].replicator
    up._prime()
    page = up._read()
    assert isinstance(page, CarriedPage)
    return page


def lie(sites: Sites, east: httpx.Client, change: Callable[[dict[str, Any]], None]) -> httpx.Response:
    """West answers the agent with a page of its own making, and the agent brings it."""
    page = brought(sites)
    value = json.loads(wire.decompress(page.data, page.encoding))
    change(value)
    return east.post("/OS-SYNC/changes", json=value)


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


@contextmanager
def answering(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A site that answers whatever it likes; its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self)

        do_PUT = do_POST = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v3"
    finally:
        server.shutdown()
        server.server_close()


def bomb(request: http.server.BaseHTTPRequestHandler) -> None:
    """96 MB of blanks in some 90 KB."""
    data = gzip.compress(b"[" + b" " * 96_000_000 + b"]")
    request.send_response(200)
    for name, value in (
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
        ("Content-Length", str(len(data))),
        ("OpenStack-Sync-Version", "1.0"),
    ):
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(data)


def drip(request: http.server.BaseHTTPRequestHandler) -> None:
    """A byte now and then, for ever."""
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    try:
        while True:
            request.wfile.write(b" ")
            request.wfile.flush()
            threading.Event().wait(0.2)
    except OSError:
        return


def agents_files(sites: Sites, folder: Path, **agent: Any) -> Path:
    """A viaduct.yaml beside the clouds of the fleet, to be changed."""
    body = yaml.safe_load(sites.topology_file.read_text())
    body["clouds"] = str(sites.folder / "clouds.yaml")
    body["agent"] = {**body["agent"], "listen": False, **agent}
    file = folder / "viaduct.yaml"
    file.write_text(yaml.safe_dump(body))
    return file


def elsewhere(sites: Sites, folder: Path, url: str, **agent: Any) -> HttpSite:
    """West, as an agent sees it whom its address leads to ``url``."""
    file = agents_files(sites, folder, **agent)
    body = yaml.safe_load(file.read_text())
    body["sites"]["west"] = {"cloud": "west", "url": url}
    file.write_text(yaml.safe_dump(body))
    return open_site(read_topology(file), "west")


@pytest.mark.parametrize("how", [bomb, drip])
def test_row_6_what_a_site_answers_costs_the_agent_neither_its_memory_nor_its_time(
    sites: Sites, tmp_path: Path, how: Callable[..., None]
) -> None:
    """Before: 9 KB opened to 96 MB and 2.5 GB of memory; a byte a second had no end."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with answering(how) as url, pytest.raises(ViaductError):
        elsewhere(sites, tmp_path, url, total_timeout=5).capabilities()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 400_000, f"{grown} KiB"


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


def test_row_12_plain_http_beyond_this_machine_is_not_taken_silently(sites: Sites, tmp_path: Path) -> None:
    """Before: it was."""
    with pytest.raises(ConfigError, match="plain HTTP"):
        elsewhere(sites, tmp_path, "http://west.example.org:5000/v3")


def test_row_13_odd_numbers_and_keys_and_texts_are_bad_requests(
    sites: Sites, east: httpx.Client, tmp_path: Path
) -> None:
    """Before: 500 for a number of forty digits and an all-zero key; texts forged lines of the log."""
    assert east.get("/OS-SYNC/conflicts", params={"limit": "9" * 40}).status_code == 400
    peer = {"public_key": "A" * 43 + "=", "incarnation": "x1", "capabilities": {}}
    assert east.put("/OS-SYNC/peers/north", json=peer).status_code == 400

    def forge(request: http.server.BaseHTTPRequestHandler) -> None:
        fault = {"message": "x\n2026 CRITICAL root forged \x1b[2J", "code": 500}
        text = json.dumps({"error": fault}).encode()
        request.send_response(500)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    with answering(forge) as url, pytest.raises(ViaductError) as failed:
        elsewhere(sites, tmp_path, url).capabilities()
    assert "\n" not in str(failed.value) and "\x1b" not in str(failed.value)
    listener = Listener(sites.agent, ("127.0.0.1", 0))
    listener.start()
    try:
        host, port = listener.address
        assert httpx.get(f"http://{host}:{port}/status", timeout=30).status_code == 200
    finally:
        listener.stop()
