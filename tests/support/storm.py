"""Many clients of Keystone's API at the same few rows, and a judge of what came of it.

Every client does the same things in turn, at the site that it is local to: it writes a field of its own into
the ``extra`` of one user and one project, sets an option of that user, gives and takes roles of that user in
that project, puts it into groups, creates users whose names everybody wants and users of its own, and logs
in. Each of these rows is wanted by all, yet each *value* has one writer, so the judge knows what must be
there: what was last acknowledged to that writer, or what it tried later without an answer that says so.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

OPTIONS = (
    "ignore_change_password_upon_first_use",
    "ignore_password_expiry",
    "ignore_lockout_failure_attempts",
    "lock_password",
    "ignore_user_inactivity",
    "multi_factor_auth_enabled",
)
GONE: Any = None
PASSWORD = "of the storm"
SETTLING = 5.0


@dataclass(frozen=True)
class Sample:
    """One answered request; ``status`` 0: the connection broke. ``seconds`` until the answer was there."""

    operation: str
    status: int
    seconds: float


@dataclass
class Cell:
    """One value with one writer: what may be found there at the end."""

    possible: list[Any]

    def write(self, value: Any, *, acknowledged: bool) -> None:
        """It was tried to write ``value``."""
        self.possible = [value] if acknowledged else [*self.possible, value]


@dataclass
class Report:
    """What came of a storm. ``wrong``: answers that cannot be true; ``lost``: acknowledged, but not there."""

    samples: list[Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        """How many requests were answered 5xx, or not at all."""
        return sum(1 for sample in self.samples if sample.status == 0 or sample.status >= 500)

    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(sample.status for sample in self.samples)

    def percentile(self, percent: int, operation: str | None = None) -> float:
        """Milliseconds within which that share of the requests was answered."""
        times = [one.seconds for one in self.samples if operation in (None, one.operation)]
        return statistics.quantiles(times, n=100, method="inclusive")[percent - 1] * 1000


class Storm:
    """``clients`` clients, the first at the first of ``urls`` (each with ``/v3``), and so on in turn."""

    def __init__(
        self, urls: Sequence[str], password: str, clients: int = 16, rounds: int = 8, name: str = "hot"
    ) -> None:
        self.urls = urls
        self.name = name
        self.rounds = rounds
        self.report = Report()
        self.cells: dict[tuple[str, ...], Cell] = {}
        self.created: dict[str, list[int]] = defaultdict(list)
        self.lock = threading.Lock()
        self.password = password
        self.ids: dict[str, str] = {}
        self.clients = [_Client(self, number, urls[number % len(urls)]) for number in range(clients)]

    def run(self) -> Report:
        """Prepare, blow, judge."""
        self.prepare()
        self.blow()
        self.judge()
        return self.report

    def prepare(self) -> None:
        """Make the rows that everybody wants, and log all clients in."""
        first = self.clients[0]
        first.login()
        user = {"name": self.name, "domain_id": "default", "password": PASSWORD}
        self.ids["user"] = first.make("user", "users", user)
        self.ids["project"] = first.make("project", "projects", {"name": self.name, "domain_id": "default"})
        for name in ("shared", *(f"own-{client.number}" for client in self.clients)):
            full = f"{self.name}-{name}"
            self.ids[f"role {name}"] = first.make("role", "roles", {"name": full})
            self.ids[f"group {name}"] = first.make("group", "groups", {"name": full, "domain_id": "default"})
        for client in self.clients:
            client.login()
            client.wait_for(f"/groups/{self.ids[f'group {name}']}")

    def blow(self) -> None:
        """Run all clients to their end."""
        threads = [threading.Thread(target=client.run) for client in self.clients]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.report.seconds = time.monotonic() - begun

    def judge(self) -> None:
        """Compare what is there with what was acknowledged, as it is seen at every site."""
        for client in self.clients[: len(self.urls)]:
            until = time.monotonic() + SETTLING
            while (missing := self._missing(client.look())) and time.monotonic() < until:
                time.sleep(0.2)  # a site may be behind the others for a moment
            self.report.lost.extend(missing)
            for name, statuses in self.created.items():
                self._judge_name(name, statuses, client.count_users(name))

    def _missing(self, truth: dict[tuple[str, ...], Any]) -> list[str]:
        return [
            f"{' '.join(address)}: {truth.get(address, GONE)}, not {cell.possible}"
            for address, cell in self.cells.items()
            if truth.get(address, GONE) not in cell.possible
        ]

    def _judge_name(self, name: str, statuses: list[int], found: int) -> None:
        """A name that everybody wanted: one got it, and knows; the others were told so."""
        if statuses.count(201) > 1 or found > 1:
            self.report.wrong.append(f"{name}: created {statuses.count(201)} times, is there {found} times")
        elif 201 in statuses and not found:
            self.report.lost.append(f"{name}: created, not there")
        elif 201 not in statuses and all(status == 409 for status in statuses):
            self.report.wrong.append(f"{name}: 409 to all, is there {found} times")


class _Client:
    def __init__(self, storm: Storm, number: int, url: str) -> None:
        self.number = number
        self._storm = storm
        self._http = httpx.Client(base_url=url, timeout=180)
        self._acts: list[Callable[[int], None]] = [
            self._note_user,
            self._grant,
            self._note_project,
            self._same_name,
            self._option,
            self._shared_grant,
            self._own_user,
            self._group,
            self._log_in,
        ]

    def run(self) -> None:
        """Do everything as often as there are rounds; not all begin with the same."""
        first = self.number % 3
        for round_ in range(self._storm.rounds):
            for act in self._acts[first:] + self._acts[:first]:
                act(round_)

    def login(self) -> None:
        """Become the administrator."""
        answer = self._http.post("/auth/tokens", json=_credentials("admin", self._storm.password, "admin"))
        answer.raise_for_status()
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]

    def make(self, kind: str, path: str, body: dict[str, Any]) -> str:
        """Create a record outside of the storm; its id."""
        answer = self._http.post(f"/{path}", json={kind: body})
        answer.raise_for_status()
        return str(answer.json()[kind]["id"])

    def wait_for(self, path: str) -> None:
        """Return when something made elsewhere is seen here."""
        until = time.monotonic() + 60
        while self._http.get(path).status_code != 200:
            assert time.monotonic() < until, f"{path} does not arrive"
            time.sleep(0.05)

    def look(self) -> dict[tuple[str, ...], Any]:
        """What is there, by the addresses of the cells."""
        ids = self._storm.ids
        user = self._json(f"/users/{ids['user']}")["user"]
        project = self._json(f"/projects/{ids['project']}")["project"]
        roles = self._json(f"/projects/{ids['project']}/users/{ids['user']}/roles")["roles"]
        groups = self._json(f"/users/{ids['user']}/groups")["groups"]
        truth: dict[tuple[str, ...], Any] = {("user", name): value for name, value in user.items()}
        truth |= {("option", name): value for name, value in user["options"].items()}
        truth |= {("project", name): value for name, value in project.items()}
        truth |= {("grant", role["id"]): True for role in roles}
        truth |= {("group", group["id"]): True for group in groups}
        truth |= {("own user", each["name"]): each["id"] for each in self._json("/users")["users"]}
        return truth

    def count_users(self, name: str) -> int:
        """How many users bear a name."""
        return len(self._json(f"/users?name={name}")["users"])

    def _json(self, path: str) -> Any:
        answer = self._http.get(path)
        answer.raise_for_status()
        return answer.json()

    def _send(self, operation: str, method: str, path: str, right: set[int], body: Any = None) -> Any:
        """The answer, or None; what is neither right nor a failure is a wrong answer."""
        begun = time.monotonic()
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.TransportError:
            answer = None
        status = answer.status_code if answer is not None else 0
        with self._storm.lock:
            report = self._storm.report
            report.samples.append(Sample(operation, status, time.monotonic() - begun))
            if 0 < status < 500 and status not in right:
                report.wrong.append(f"{method} {path} ({self.number}): {status}")
        return answer

    def _write(
        self, cell: tuple[str, ...], value: Any, operation: str, method: str, path: str, body: Any = None
    ) -> Any:
        answer = self._send(operation, method, path, {200, 201, 204}, body)
        acknowledged = answer is not None and answer.is_success
        with self._storm.lock:
            self._storm.cells.setdefault(cell, Cell([GONE])).write(value, acknowledged=acknowledged)
        return answer

    def _note_user(self, round_: int) -> None:
        field_ = f"note_{self.number}"
        path = f"/users/{self._storm.ids['user']}"
        self._write(("user", field_), round_, "user.extra", "PATCH", path, {"user": {field_: round_}})

    def _note_project(self, round_: int) -> None:
        field_ = f"note_{self.number}"
        path = f"/projects/{self._storm.ids['project']}"
        body = {"project": {field_: round_}}
        self._write(("project", field_), round_, "project.extra", "PATCH", path, body)

    def _option(self, round_: int) -> None:
        if self.number < len(OPTIONS):
            name, value = OPTIONS[self.number], bool(round_ % 2)
            path = f"/users/{self._storm.ids['user']}"
            body = {"user": {"options": {name: value}}}
            self._write(("option", name), value, "user.option", "PATCH", path, body)

    def _grant_path(self, name: str) -> tuple[str, str]:
        ids = self._storm.ids
        role = ids[f"role {name}"]
        return role, f"/projects/{ids['project']}/users/{ids['user']}/roles/{role}"

    def _grant(self, round_: int) -> None:
        role, path = self._grant_path(f"own-{self.number}")
        if round_ % 2 == 0:
            self._write(("grant", role), True, "grant.put", "PUT", path)
        elif True in self._storm.cells["grant", role].possible:
            self._take(("grant", role), "grant.delete", path)

    def _shared_grant(self, round_: int) -> None:
        _role, path = self._grant_path("shared")
        if (self.number + round_) % 2:
            self._send("shared grant.put", "PUT", path, {204})
        else:
            self._send("shared grant.delete", "DELETE", path, {204, 404})

    def _take(self, cell: tuple[str, ...], operation: str, path: str) -> None:
        """Delete what is there; 404 is right only where it may be missing."""
        if GONE in self._storm.cells[cell].possible:
            answer = self._send(operation, "DELETE", path, {204, 404})
            gone = answer is not None and answer.status_code in (204, 404)
            self._storm.cells[cell].write(GONE, acknowledged=gone)
        else:
            self._write(cell, GONE, operation, "DELETE", path)

    def _group(self, round_: int) -> None:
        ids = self._storm.ids
        self._send("shared group.put", "PUT", f"/groups/{ids['group shared']}/users/{ids['user']}", {204})
        group = ids[f"group own-{self.number}"]
        path = f"/groups/{group}/users/{ids['user']}"
        if round_ % 2 == 0:
            self._write(("group", group), True, "group.put", "PUT", path)
        else:
            self._take(("group", group), "group.delete", path)

    def _same_name(self, round_: int) -> None:
        name = f"{self._storm.name}-same-{round_}"
        body = {"user": {"name": name, "domain_id": "default", "password": PASSWORD}}
        answer = self._send("same name", "POST", "/users", {201, 409}, body)
        with self._storm.lock:
            self._storm.created[name].append(answer.status_code if answer is not None else 0)

    def _own_user(self, round_: int) -> None:
        name = f"{self._storm.name}-own-{self.number}-{round_}"
        body = {"user": {"name": name, "domain_id": "default", "password": PASSWORD}}
        answer = self._send("user.create", "POST", "/users", {201}, body)
        if answer is None or answer.status_code != 201:
            return
        id_ = answer.json()["user"]["id"]
        with self._storm.lock:
            self._storm.cells["own user", name] = Cell([id_])
        if round_ % 2:
            self._take(("own user", name), "user.delete", f"/users/{id_}")

    def _log_in(self, _round: int) -> None:
        self._send("log in", "POST", "/auth/tokens", {201}, _credentials(self._storm.name, PASSWORD, None))


def _credentials(user: str, password: str, project: str | None) -> dict[str, Any]:
    who = {"name": user, "domain": {"id": "default"}, "password": password}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": who}}}
    if project is not None:
        auth["scope"] = {"project": {"name": project, "domain": {"id": "default"}}}
    return {"auth": auth}
