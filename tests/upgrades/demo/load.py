"""Clients that never stop: they make, change, lock, log in and delete, and remember what was acknowledged.

Each client has users and mappings of its own, so it knows what each of them must be, whichever release
answers. A request fails if its status is not the one that this state asks for; something is lost if what is
read is not what was acknowledged.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.upgrades.demo.balancer import Balancer, Endpoint

_PATIENCE = 60.0
_MOST_OWNED = 12
_SHOWN = 20


class Wrong(Exception):
    """An answer that should have been another one."""


@dataclass
class Person:
    """A user as the last acknowledged request has left it."""

    id: str
    name: str
    password: str
    status: str
    note: str

    @property
    def enabled(self) -> bool:
        """What the old release says of the status."""
        return self.status == "active"


@dataclass
class Counts:
    """Of one phase."""

    requests: int = 0
    failed: int = 0
    lost: int = 0
    slowest: float = 0.0
    by_release: dict[str, int] = field(default_factory=lambda: {"old": 0, "new": 0})


class Tally:
    """What came of the requests, phase by phase."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.phases: dict[str, Counts] = {"begin": Counts()}
        self._phase = "begin"
        self.remarks: list[str] = []

    def begin(self, phase: str) -> None:
        """What is counted from now on belongs to it."""
        with self._changed:
            self.phases.setdefault(phase, Counts())
            self._phase = phase

    def count(self, took: float, endpoint: Endpoint, failure: str = "", lost: str = "") -> None:
        """One request."""
        with self._changed:
            counts = self.phases[self._phase]
            counts.requests += 1
            counts.by_release["new" if endpoint.new else "old"] += 1
            counts.slowest = max(counts.slowest, took)
            counts.failed += bool(failure)
            counts.lost += bool(lost)
            self._remark(failure or lost)
            self._changed.notify_all()

    def lose(self, what: str) -> None:
        """Found without a request."""
        with self._changed:
            self.phases[self._phase].lost += 1
            self._remark(what)

    def _remark(self, text: str) -> None:
        if text and len(self.remarks) < _SHOWN:
            self.remarks.append(f"{self._phase}: {text}")

    def wait_for(self, requests: int) -> None:
        """Returns when so many more have been answered."""
        with self._changed:
            until = self.total("requests") + requests
            self._changed.wait_for(lambda: self.total("requests") >= until)

    def total(self, what: str) -> int:
        """Of all phases."""
        return sum(int(getattr(counts, what)) for counts in self.phases.values())


class Client:
    """One of them: a thread."""

    def __init__(
        self, number: int, balancer: Balancer, tally: Tally, token: str, seed: int, pace: float
    ) -> None:
        self.people: dict[str, Person] = {}
        self.mappings: dict[str, str] = {}
        self._name = f"client{number}"
        self._balancer = balancer
        self._tally = tally
        self._pace = pace
        self._chance = random.Random(f"{seed} {number}")
        self._headers = {"X-Auth-Token": token}
        self._made = 0
        self._connections: dict[str, httpx.Client] = {}
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the request at hand."""
        self._stop.set()
        self._thread.join()
        for connection in self._connections.values():
            connection.close()

    def _work(self) -> None:
        while not self._stop.wait(self._pace):
            self._act()

    def _act(self) -> None:
        """One request, at whichever server has its turn."""
        actions = self._possible()
        with self._balancer.one() as endpoint:
            action = self._chance.choice([item for item in actions if endpoint.new or item != self._lock])
            begun, failure, lost = time.monotonic(), "", ""
            try:
                lost = action(endpoint) or ""
            except (Wrong, httpx.HTTPError, ValueError, KeyError) as error:
                failure = f"{endpoint.name}: {action.__name__.strip('_')}: {type(error).__name__}: {error}"
            self._tally.count(time.monotonic() - begun, endpoint, failure, lost)

    def _possible(self) -> list[Callable[[Endpoint], str | None]]:
        found: list[Callable[[Endpoint], str | None]] = []
        if len(self.people) < _MOST_OWNED:
            found += [self._create] * 3
        if self.people:
            found += [self._switch] * 4 + [self._lock] * 2 + [self._annotate] * 2 + [self._look] * 5
            found += [self._log_in] * 2 + [self._find]
        if len(self.people) > _MOST_OWNED // 2:
            found += [self._delete]
        found += [self._map]
        if self.mappings:
            found += [self._remap, self._read_mapping] + [self._unmap] * (len(self.mappings) > 3)
        return found

    def _ask(self, endpoint: Endpoint, method: str, path: str, wanted: int, body: Any = None) -> Any:
        """What a server answers. Raises Wrong for another status than the one that is wanted."""
        connection = self._connections.get(endpoint.name)
        if connection is None:
            connection = httpx.Client(base_url=endpoint.url, timeout=_PATIENCE, trust_env=False)
            self._connections[endpoint.name] = connection
        answer = connection.request(method, endpoint.url + path, json=body, headers=self._headers)
        if answer.status_code != wanted:
            raise Wrong(f"{method} {path}: {answer.status_code} instead of {wanted}: {answer.text[:300]}")
        return answer.json() if answer.content else None

    def _any(self) -> Person:
        return self._chance.choice(list(self.people.values()))

    def _create(self, endpoint: Endpoint) -> None:
        self._made += 1
        name, enabled = f"{self._name}-{self._made}", self._chance.random() < 0.7
        person = Person("", name, f"secret of {name}", "active" if enabled else "disabled", "new")
        body = {"name": name, "password": person.password, "enabled": enabled, "description": person.note}
        person.id = self._ask(endpoint, "POST", "/users", 201, {"user": body})["user"]["id"]
        self.people[person.id] = person

    def _change(self, endpoint: Endpoint, person: Person, becomes: str, **body: object) -> str:
        """What the answer shows must be what was asked for."""
        shown = self._ask(endpoint, "PATCH", f"/users/{person.id}", 200, {"user": body})["user"]
        person.status = becomes
        person.note = str(body.get("description", person.note))
        return difference(person, shown, endpoint)

    def _switch(self, endpoint: Endpoint) -> str:
        person, enabled = self._any(), self._chance.random() < 0.5
        locked = person.status == "locked" and not enabled
        status = "active" if enabled else "locked" if locked else "disabled"
        return self._change(endpoint, person, status, enabled=enabled)

    def _lock(self, endpoint: Endpoint) -> str:
        """Only the new release can."""
        return self._change(endpoint, self._any(), "locked", enabled=False, status="locked")

    def _annotate(self, endpoint: Endpoint) -> str:
        person = self._any()
        return self._change(endpoint, person, person.status, description=f"note {self._chance.random()}")

    def _look(self, endpoint: Endpoint) -> str:
        person = self._any()
        return difference(person, self._ask(endpoint, "GET", f"/users/{person.id}", 200)["user"], endpoint)

    def _find(self, endpoint: Endpoint) -> str:
        person = self._any()
        found = self._ask(endpoint, "GET", f"/users?name={person.name}", 200)["users"]
        return difference(person, found[0], endpoint) if found else f"{person.name} is not listed"

    def _log_in(self, endpoint: Endpoint) -> None:
        person = self._any()
        user = {"id": person.id, "password": person.password}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        self._ask(endpoint, "POST", "/auth/tokens", 201 if person.enabled else 401, body)

    def _delete(self, endpoint: Endpoint) -> None:
        person = self._any()
        self._ask(endpoint, "DELETE", f"/users/{person.id}", 204)
        del self.people[person.id]

    def _map(self, endpoint: Endpoint) -> None:
        self._made += 1
        self._write_mapping(endpoint, "PUT", f"{self._name}-{self._made}", 201)

    def _remap(self, endpoint: Endpoint) -> None:
        self._write_mapping(endpoint, "PATCH", self._chance.choice(list(self.mappings)), 200)

    def _write_mapping(self, endpoint: Endpoint, method: str, name: str, wanted: int) -> None:
        remote = f"REMOTE_{self._chance.randrange(1000)}"
        rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": remote}]}]
        body = {"mapping": {"rules": rules}}
        self._ask(endpoint, method, f"/OS-FEDERATION/mappings/{name}", wanted, body)
        self.mappings[name] = remote

    def _read_mapping(self, endpoint: Endpoint) -> str:
        name = self._chance.choice(list(self.mappings))
        shown = self._ask(endpoint, "GET", f"/OS-FEDERATION/mappings/{name}", 200)["mapping"]
        found = shown["rules"][0]["remote"][0]["type"]
        return "" if found == self.mappings[name] else f"mapping {name}: {found} for {self.mappings[name]}"

    def _unmap(self, endpoint: Endpoint) -> None:
        name = self._chance.choice(list(self.mappings))
        self._ask(endpoint, "DELETE", f"/OS-FEDERATION/mappings/{name}", 204)
        del self.mappings[name]


def difference(person: Person, shown: dict[str, Any], endpoint: Endpoint) -> str:
    """What a server shows that was not acknowledged so; empty if nothing."""
    wanted: dict[str, object] = {"enabled": person.enabled, "description": person.note}
    if endpoint.new:
        wanted["status"] = person.status
    wrong = {name: shown.get(name) for name, value in wanted.items() if shown.get(name) != value}
    return f"{endpoint.name} shows {person.name} with {wrong}, it is {wanted}" if wrong else ""


class Load:
    """All clients of a database; each makes a request, and the next one ``pace`` seconds after its answer."""

    def __init__(
        self, balancer: Balancer, tally: Tally, token: str, *, clients: int, seed: int, pace: float
    ) -> None:
        numbers = range(1, clients + 1)
        self.clients = [Client(number, balancer, tally, token, seed, pace) for number in numbers]

    def start(self) -> None:
        """Begin."""
        for client in self.clients:
            client.start()

    def stop(self) -> None:
        """End all."""
        for client in self.clients:
            client.stop()

    @property
    def people(self) -> Sequence[Person]:
        """All users that must be there."""
        return [person for client in self.clients for person in client.people.values()]
