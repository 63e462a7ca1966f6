"""Clients of Keystone's API that write down what they were promised.

Each change can be told from every other: names, extra attributes and grants are given once only. So each
acknowledged one has to be there at the end, or be listed, or have been deleted by an acknowledged delete.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD

#: Whole requests that take longer count as unanswered.
PATIENCE = 8.0
KINDS = {"user": "users", "project": "projects", "group": "groups"}
Ref = tuple[str, str]
Triple = tuple[str, str, str]


@dataclass
class Ledger:
    """What was acknowledged, and what got no answer and so may or may not have happened."""

    created: dict[Ref, str] = field(default_factory=dict)
    marks: dict[Ref, dict[str, str]] = field(default_factory=dict)
    deleted: dict[Ref, str] = field(default_factory=dict)
    granted: dict[Triple, str] = field(default_factory=dict)
    withdrawn: set[Triple] = field(default_factory=set)
    doubtful_deletes: set[Ref] = field(default_factory=set)
    doubtful_withdrawals: set[Triple] = field(default_factory=set)
    #: What a site had set before it deleted the record: it is gone even if the record comes back.
    gone_along: set[tuple[Ref, str]] = field(default_factory=set)
    acknowledged: int = 0
    unanswered: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def known(self, kind: str) -> list[str]:
        """Ids that were made and not surely deleted."""
        with self._lock:
            return [i for k, i in self.created if k == kind and (k, i) not in self.deleted]

    def deletes(self, ref: Ref, site: str) -> None:
        """A site is about to be asked to delete a record: with all that it has set there."""
        with self._lock:
            set_here = [name for name, value in self.marks.get(ref, {}).items() if value == site]
            self.gone_along.update((ref, name) for name in set_here)

    def note(self, outcome: str, record: Callable[[], None] | None = None) -> None:
        """Count an outcome; ``record`` writes it down."""
        with self._lock:
            setattr(self, outcome, getattr(self, outcome) + 1)
            if record is not None:
                record()


class Client(threading.Thread):
    """One client of one site; ``numbers`` are shared by all, so nothing is named twice."""

    def __init__(
        self, site: str, url: str, ledger: Ledger, chance: random.Random, numbers: itertools.count[int]
    ) -> None:
        super().__init__(name=f"client-{site}", daemon=True)
        self.site, self._url, self._ledger, self._chance, self._numbers = site, url, ledger, chance, numbers
        self._paused = threading.Event()
        self._ended = threading.Event()
        self._turn = threading.Lock()
        self._http = httpx.Client(timeout=PATIENCE, trust_env=False)
        self._token = ""
        self._roles: list[str] = []

    def run(self) -> None:
        """Until it is ended."""
        while not self._ended.is_set():
            with self._turn:
                resting = self._paused.is_set()
                if not resting:
                    self._attempt()
            if resting:
                self._ended.wait(0.05)
        self._http.close()

    def pause(self) -> None:
        """Return when the action under way is over; no other begins before :meth:`go_on`."""
        self._paused.set()
        with self._turn:
            pass

    def go_on(self) -> None:
        """Work again after :meth:`pause`."""
        self._paused.clear()

    def end(self) -> None:
        """Ask it to end."""
        self._ended.set()

    def _attempt(self) -> None:
        try:
            self._act()
        except (httpx.HTTPError, KeyError, ValueError):
            self._ledger.note("unanswered")
            self._ended.wait(0.2)

    def _act(self) -> None:
        draw = self._chance.random()
        if draw < 0.3:
            self._create(self._chance.choice(list(KINDS)))
        elif draw < 0.65:
            self._mark(self._chance.choice(list(KINDS)))
        elif draw < 0.82:
            self._grant()
        elif draw < 0.92:
            self._withdraw()
        else:
            self._remove(self._chance.choice(list(KINDS)))

    def _create(self, kind: str) -> None:
        name = f"{kind}-{next(self._numbers)}"
        body: dict[str, Any] = {"name": name, "domain_id": "default"}
        answer = self._send("POST", f"/{KINDS[kind]}", {kind: body})
        if answer is not None:
            ref = (kind, str(answer.json()[kind]["id"]))
            self._ledger.note("acknowledged", lambda: self._ledger.created.update({ref: self.site}))

    def _mark(self, kind: str) -> None:
        """A new attribute: two clients never write the same, so nothing has to be decided."""
        ref = self._pick(kind)
        if ref is None:
            return
        name, value = f"mark{next(self._numbers)}", self.site
        if self._send("PATCH", f"/{KINDS[kind]}/{ref[1]}", {kind: {name: value}}) is not None:
            marks = self._ledger.marks
            self._ledger.note("acknowledged", lambda: marks.setdefault(ref, {}).update({name: value}))

    def _grant(self) -> None:
        user, project, role = self._pick("user"), self._pick("project"), self._role()
        if user is None or project is None or role is None:
            return
        triple = (user[1], project[1], role)
        if triple in self._ledger.granted:
            return
        if self._send("PUT", _grant_path(triple)) is not None:
            self._ledger.note("acknowledged", lambda: self._ledger.granted.update({triple: self.site}))

    def _withdraw(self) -> None:
        left = [t for t in self._ledger.granted if t not in self._ledger.withdrawn]
        if not left:
            return
        triple = self._chance.choice(left)
        doubts = self._ledger.doubtful_withdrawals
        if self._send("DELETE", _grant_path(triple), doubt=lambda: doubts.add(triple)) is not None:
            self._ledger.note("acknowledged", lambda: self._ledger.withdrawn.add(triple))

    def _remove(self, kind: str) -> None:
        ref = self._pick(kind)
        if ref is None:
            return
        self._ledger.deletes(ref, self.site)
        doubts = self._ledger.doubtful_deletes
        if self._send("DELETE", f"/{KINDS[kind]}/{ref[1]}", doubt=lambda: doubts.add(ref)) is not None:
            self._ledger.note("acknowledged", lambda: self._ledger.deleted.update({ref: self.site}))

    def _pick(self, kind: str) -> Ref | None:
        known = self._ledger.known(kind)
        return (kind, self._chance.choice(known)) if known else None

    def _role(self) -> str | None:
        if not self._roles:
            answer = self._send("GET", "/roles")
            self._roles = [] if answer is None else [str(role["id"]) for role in answer.json()["roles"]]
        return self._chance.choice(self._roles) if self._roles else None

    def _send(
        self, method: str, path: str, body: Any = None, doubt: Callable[[], None] | None = None
    ) -> httpx.Response | None:
        """The answer of a request that succeeded; None when it was refused or got no (clear) answer."""
        for _ in range(2):
            if not self._token:
                self._login()
            headers = {"X-Auth-Token": self._token}
            try:
                answer = self._http.request(method, self._url + path, json=body, headers=headers)
            except httpx.HTTPError:
                self._ledger.note("unanswered", doubt)
                self._ended.wait(0.1)
                return None
            if answer.status_code != 401:
                break
            self._token = ""
        if answer.status_code >= 500:
            self._ledger.note("unanswered", doubt)
            return None
        if answer.status_code >= 400:
            self._ledger.note("refused")
            return None
        return answer

    def _login(self) -> None:
        user = {"name": "admin", "domain": {"id": "default"}, "password": ADMIN_PASSWORD}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        answer = self._http.post(
            f"{self._url}/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}
        )
        answer.raise_for_status()
        self._token = answer.headers["X-Subject-Token"]


def _grant_path(triple: Triple) -> str:
    user, project, role = triple
    return f"/projects/{project}/users/{user}/roles/{role}"
