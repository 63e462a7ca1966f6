"""No secret stands in anything that a fleet writes: logs of sites and agent, metrics, the dashboard's pages,
answers of the API, what the commands print, the audit trail.
"""

from __future__ import annotations

import html
import json
import os
import re
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from keystone_viaduct.cli.main import main
from keystone_viaduct.demo.keystones import ADMIN_PASSWORD
from keystone_viaduct.demo.leash import Leashed, Port
from tests.integration.api.conftest import Sites
from tests.integration.api.test_conflicts import carry
from tests.support.leaks import leaks
from tests.support.openstackclient import Shell

pytestmark = pytest.mark.keystone
SYNC = "/OS-SYNC"
#: Seconds for an agent to start, and for a change to arrive.
PATIENCE = 120.0
#: Folders of keys, in a site's folder.
KEYS = ("fernet", "receipts", "credentials", "viaduct-keys")
#: Columns that hold secrets, or what stands for them.
COLUMNS = {
    "password": ("password_hash",),
    "application_credential": ("secret_hash",),
    "credential": ("encrypted_blob",),
    "consumer": ("secret",),
    "sensitive_config": ("value",),
    "viaduct_site": ("fleet_secret",),
}


@dataclass
class Spoken:
    """What the test has put into the fleet (``secrets``, by what they are) and what it has read of it."""

    secrets: dict[str, str | bytes] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    name: str = ""
    user: str = ""
    late: str = ""

    def secret(self, what: str) -> str:
        """A new one, remembered."""
        made = self.secrets[what] = f"{what.replace(' ', '-')}+{uuid.uuid4().hex}/&"
        return str(made)

    def read(self, place: str, text: str) -> str:
        """Remembers what was read there."""
        self.written[place] = text
        return text


def ok(answer: httpx.Response) -> Any:
    """Its JSON."""
    return answer.raise_for_status().json() if answer.content else None


def until(seen: Callable[[], bool], what: str) -> None:
    """Wait for it."""
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < deadline, f"not before long: {what}"
        pause.wait(0.1)


def put_in(spoken: Spoken, sites: Sites, east: httpx.Client) -> None:
    """A user with a secret of each sort, at the hub."""
    spoken.name = f"secretive-{uuid.uuid4().hex[:8]}"
    password = spoken.secret("password")
    body = {"name": spoken.name, "password": password, "domain_id": "default"}
    user = spoken.user = ok(east.post("/users", json={"user": body}))["user"]["id"]
    project = ok(east.post("/projects", json={"project": {"name": spoken.name, "domain_id": "default"}}))
    project = project["project"]["id"]
    role = ok(east.get("/roles", params={"name": "member"}))["roles"][0]["id"]
    east.put(f"/projects/{project}/users/{user}/roles/{role}").raise_for_status()
    token = sites.token("east", {"project": {"id": project}}, spoken.name, password)
    spoken.secrets["the user's token"] = token
    own = {"X-Auth-Token": token}
    for number in range(2):
        given = {"secret": spoken.secret("application credential's secret")} if number else {}
        wanted = {"application_credential": {"name": f"credential-{number}", **given}}
        made = ok(east.post(f"/users/{user}/application_credentials", json=wanted, headers=own))
        told = made["application_credential"]["secret"]
        spoken.secrets[f"secret of application credential {number}"] = told
    made = ok(east.post(f"/users/{user}/credentials/OS-EC2", json={"tenant_id": project}, headers=own))
    spoken.secrets["EC2 secret"] = made["credential"]["secret"]
    seed = {"type": "totp", "blob": spoken.secret("TOTP seed"), "user_id": user}
    ok(east.post("/credentials", json={"credential": seed}))
    consumer = ok(east.post("/OS-OAUTH1/consumers", json={"consumer": {"description": spoken.name}}))
    spoken.secrets["consumer's secret"] = consumer["consumer"]["secret"]
    domain = ok(east.post("/domains", json={"domain": {"name": spoken.name}}))["domain"]["id"]
    ldap = {"url": "ldap://ldap.example", "password": spoken.secret("LDAP password")}
    ok(east.put(f"/domains/{domain}/config", json={"config": {"identity": {"driver": "ldap"}, "ldap": ldap}}))


def contest(spoken: Spoken, sites: Sites, east: httpx.Client, west: httpx.Client) -> None:
    """Both sites change the same secrets, so that one of each is lost and listed."""
    carry(sites)
    found = ok(east.get("/credentials", params={"user_id": spoken.user, "type": "totp"}))["credentials"]
    for client, where in ((east, "the hub"), (west, "the spoke")):
        blob = spoken.secret(f"TOTP seed of {where}")
        ok(client.patch(f"/credentials/{found[0]['id']}", json={"credential": {"blob": blob}}))
        word = spoken.secret(f"password of {where}")
        ok(client.patch(f"/users/{spoken.user}", json={"user": {"password": word}}))
    carry(sites)


def mistake(spoken: Spoken, sites: Sites, east: httpx.Client) -> None:
    """Requests that are refused, with secrets in them."""
    document = {"blob": spoken.secret("blob of a bad record"), "nonsense": 1, "type": "totp"}
    answers = [
        east.put(f"{SYNC}/records/credential/feedface", json={"document": document}),
        east.put(f"{SYNC}/records/credential/feedface", json={"document": {**document, "blob": [document]}}),
        east.put(f"{SYNC}/poke-key", json={"poke_key": spoken.secret("nobody's key")}),
        east.put(
            f"{SYNC}/secret", json={"sealed": spoken.secret("no sealed secret"), "source": "west", "term": 1}
        ),
        east.post(f"{SYNC}/changes", json={"source": "west", "changes": [document]}),
        east.put(f"{SYNC}/keys/tokens", json={"sealed": spoken.secret("no sealed keys")}),
        httpx.get(
            f"{sites.url('east')}{SYNC}",
            headers={"X-Auth-Token": spoken.secret("no token")},
        ),
    ]
    for number, answer in enumerate(answers):
        assert 400 <= answer.status_code < 500, answer.text
        spoken.read(f"answer {number} to a mistake", answer.text)


def known_secrets(spoken: Spoken, sites: Sites, east: httpx.Client) -> None:
    """What the sites hold for themselves: files of keys, hashes, closed blobs, the fleet's secret."""
    spoken.secrets["the administrator's password"] = ADMIN_PASSWORD
    spoken.secrets["a system administrator's token"] = east.headers["X-Auth-Token"]
    spoken.secrets["poke key"] = ok(east.get(f"{SYNC}/poke-key"))["poke_key"]
    for site in sites.names:
        files = [path for name in KEYS for path in (sites.folder / site / name).rglob("*") if path.is_file()]
        assert len(files) > 6
        for path in files:
            spoken.secrets[str(path.relative_to(sites.folder))] = path.read_bytes().strip()
        with sqlite3.connect(f"file:{sites.folder / site / 'keystone.db'}?mode=ro", uri=True) as database:
            for table, columns in COLUMNS.items():
                for number, row in enumerate(database.execute(f"SELECT {', '.join(columns)} FROM {table}")):
                    if row[0] and len(row[0]) >= 16:
                        spoken.secrets[f"{table}.{columns[0]} {number} of {site}"] = row[0]


@contextmanager
def agent(sites: Sites, dashboard: Port) -> Iterator[Path]:
    """``viaduct agent`` with a dashboard; its log, at its most talkative."""
    file, log = sites.folder / "talkative.yaml", sites.folder / "talkative.log"
    fleet = yaml.safe_load(sites.topology_file.read_text())
    fleet["agent"]["dashboard"] = {"listen": f"127.0.0.1:{dashboard.number}"}
    file.write_text(yaml.safe_dump(fleet))
    words = ["agent", "--config", str(file), "--verbose", "--log-format", "json"]
    command = [sys.executable, "-W", "ignore", "-m", "keystone_viaduct.demo.leashed"]
    process = Leashed([*command, "keystone_viaduct.cli.main", *words], env=os.environ, log=log)
    try:
        yield log
    finally:
        process.stop()


def log_in(spoken: Spoken, browser: httpx.Client, password: str) -> httpx.Response:
    """By the form."""
    form = browser.get("/login").raise_for_status().text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    given = {**hidden, "user": "admin", "domain": "Default", "password": password}
    return browser.post("/login", data=given, headers={"Origin": str(browser.base_url).rstrip("/")})


def browse(spoken: Spoken, browser: httpx.Client) -> None:
    """Every page that a page links to, the search for the user, and the first news of the event stream."""
    refused = log_in(spoken, browser, spoken.secret("wrong password"))
    assert refused.status_code == 401
    spoken.read("page of a refused log-in", refused.text)
    assert log_in(spoken, browser, ADMIN_PASSWORD).status_code in (302, 303)
    for name, value in browser.cookies.items():
        spoken.secrets[f"cookie {name}"] = value
    left = [
        "/",
        f"/search?kind=user&q={spoken.name}",
        "/conflicts?show=all",
        "/changes",
        "/waiting",
        "/progress",
    ]
    while left and len(spoken.written) < 400:
        path = left.pop(0)
        answer = browser.get(path)
        assert answer.status_code < 500, f"{path}: {answer.text}"
        text = spoken.read(f"page {path}", answer.text)
        for found in map(html.unescape, re.findall(r'(?:href|action)="(/[^"#]*)"', text)):
            found += "?action=restore" if found.endswith("/resolve") else ""
            if f"page {found}" not in spoken.written and found not in left and "logout" not in found:
                left.append(found)
    with browser.stream("GET", "/events") as stream:
        spoken.read("events", next(stream.iter_text()))


def ask_the_api(spoken: Spoken, client: httpx.Client, site: str) -> None:
    """Each route that tells something, but those whose answer is a secret for its reader."""
    paths = ["", "/waiting", "/sweep", "/peers", "/conflicts", "/hub", "/charter", "/keys"]
    paths += ["/lease", "/audit", "/metrics", f"/records?name={spoken.name}", f"/records/user/{spoken.user}"]
    other = "west" if site == "east" else "east"
    paths += [f"/changes?reader={other}&limit=5000", f"/joining/{other}", f"/checkpoints/{other}"]
    paths += [f"/key-proofs?reader={other}"]
    for path in paths:
        answer = client.get(f"{SYNC}{path}")  # some is asked of the hub alone
        assert answer.status_code < 500, answer.text
        spoken.read(f"{site} {path}", answer.text)
    counters = client.get(f"{SYNC}/metrics", headers={"Accept": "application/json"})
    spoken.read(f"{site} counters", counters.raise_for_status().text)
    for conflict in ok(client.get(f"{SYNC}/conflicts"))["conflicts"]:
        path = f"/conflicts/{conflict['id']}"
        spoken.read(f"{site} {path}", client.get(f"{SYNC}{path}").raise_for_status().text)
    found = ok(client.get("/credentials", params={"user_id": spoken.user}))["credentials"]
    for credential in found:
        path = f"/records/credential/{credential['id']}"
        spoken.read(f"{site} {path}", client.get(f"{SYNC}{path}").raise_for_status().text)


def run_the_commands(spoken: Spoken, sites: Sites, capsys: pytest.CaptureFixture[str], conflict: str) -> None:
    """Those of people, for programs and for people."""
    fleet = [
        ["status"],
        ["doctor"],
        ["compare", "west"],
        ["trace", "user", spoken.name],
        ["conflicts", "list"],
        ["conflicts", "show", conflict],
        ["conflicts", "resolve", conflict, "--restore", "--dry-run"],
        ["audit"],
        ["keys", "status"],
        ["charter", "show"],
        ["quarantine", "list", "west"],
        ["sweep", "west", "status"],
        ["merge", "user", spoken.user, spoken.user, "--dry-run"],
    ]
    for words in fleet:
        for shape in ("json", "table"):
            capsys.readouterr()
            main([*words, "--format", shape, "--config", str(sites.topology_file)])
            told = capsys.readouterr()
            spoken.read(f"viaduct {' '.join(words)} ({shape})", told.out + told.err)
    for site in sites.names:
        for words in (["site", "status"], ["site", "doctor"]):
            for shape in ("json", "table"):
                capsys.readouterr()
                file = str(sites.folder / site / "keystone.conf")
                main([*words, "--format", shape, "--config-file", file])
                told = capsys.readouterr()
                spoken.read(f"viaduct {' '.join(words)} of {site} ({shape})", told.out + told.err)
    shell = Shell(sites.folder / "clouds.yaml")
    try:
        for words in (
            ["status"],
            ["site", "list", "--long"],
            ["conflict", "list"],
            ["audit", "list", "--long"],
        ):
            done = shell.run("--os-cloud", "east", "sync", *words, "-f", "json")
            assert done.code == 0, done.err
            spoken.read(f"openstack sync {' '.join(words)}", done.out + done.err)
    finally:
        shell.close()


def test_no_secret_is_in_anything_that_is_written(
    sites: Sites, east: httpx.Client, west: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    spoken = Spoken()
    put_in(spoken, sites, east)
    contest(spoken, sites, east, west)
    mistake(spoken, sites, east)
    conflicts = ok(east.get(f"{SYNC}/conflicts", params={"key": spoken.user}))["conflicts"]
    assert any("passwords" in name for one in conflicts for name in one["fields"]), "none is about a secret"
    dashboard = Port()
    url = f"http://127.0.0.1:{dashboard.number}"
    with (
        agent(sites, dashboard) as log,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as browser,
    ):
        until(lambda: up(browser, sites), "the agent and its dashboard")
        ok(east.post(f"{SYNC}/keys/tokens", json={"action": "rotate"}))
        late = spoken.secret("password of a late user")
        body = {"name": f"late-{spoken.name}", "password": late, "domain_id": "default"}
        spoken.late = ok(west.post("/users", json={"user": body}))["user"]["id"]
        until(lambda: east.get(f"/users/{spoken.late}").status_code == 200, "a change by a poke")
        browse(spoken, browser)
        for path in ("/metrics", "/status", "/healthz", "/readyz"):
            answer = httpx.get(f"http://127.0.0.1:{sites.agent_port.number}{path}", trust_env=False)
            spoken.read(f"agent {path}", answer.text)
        for client, site in ((east, "east"), (west, "west")):
            ask_the_api(spoken, client, site)
        run_the_commands(spoken, sites, capsys, conflicts[0]["id"])
        known_secrets(spoken, sites, east)
        spoken.read("agent.log", log.read_text())
    dashboard.release()
    for site in sites.names:
        for file in (sites.folder / site).glob("*.log"):
            spoken.read(f"{site}/{file.name}", file.read_text(errors="replace"))
    check_that_much_was_read(spoken)
    assert leaks(spoken.secrets, spoken.written) == []


def up(browser: httpx.Client, sites: Sites) -> bool:
    """Whether the agent works and its dashboard shows both sites."""
    try:
        ready = httpx.get(f"http://127.0.0.1:{sites.agent_port.number}/readyz", trust_env=False)
        shown = browser.get("/").text
    except httpx.TransportError:
        return False
    return ready.status_code == 200 and all(f"/sites/{name}" in shown for name in sites.names)


def check_that_much_was_read(spoken: Spoken) -> None:
    """What was read is about the very records that the secrets belong to."""
    for place in (
        f"page /search?kind=user&q={spoken.name}",
        f"viaduct trace user {spoken.name} (json)",
        "east /changes?reader=west&limit=5000",
    ):
        assert spoken.user in spoken.written[place], place
    for place in ("agent.log", "east/keystone.log", "page /changes"):
        assert spoken.late in spoken.written[place], place
    assert any(name.startswith("page /conflicts/") and "/resolve" in name for name in spoken.written)
    assert "viaduct_local_info" in spoken.written["west /metrics"]
    assert "viaduct_agent_working" in spoken.written["agent /metrics"]
    assert "viaduct_local_pages_total" in spoken.written["east counters"]
    assert len(spoken.secrets) > 40 and len(spoken.written) > 80
    planted = {"the log": json.dumps({"token": spoken.secrets["the user's token"]})}
    assert len(leaks(spoken.secrets, planted)) == 2, "the search itself finds nothing"
