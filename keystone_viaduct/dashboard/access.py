"""Who looks at the dashboard, and what of it he may see and do: decisions without I/O."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from keystone_viaduct.sync.agent.dashboard import ACCOUNT, ANYONE

#: Seconds after which a session ends that nobody uses, and after which any ends.
IDLE, LONGEST = 1800.0, 8 * 3600.0
#: Sessions at once; the one that was used the longest ago gives way.
MOST = 500
#: The role that acts, by the rules that the API comes with; the hub decides by its own.
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the hub's Keystone has let in. ``is_system``: the token is scoped to the system."""

    id: str
    name: str
    domain: str
    token: str = field(repr=False)
    expires_at: float
    is_system: bool
    roles: tuple[str, ...] = ()

    @property
    def may_act(self) -> bool:
        """Whether the hub is likely to let him."""
        return self.is_system and ADMIN in self.roles


def may_look(look: str, person: Person | None) -> bool:
    """Whether the pages are shown to him (None: to somebody who is not logged in)."""
    if look == ANYONE:
        return True
    return person is not None and (look == ACCOUNT or person.is_system)


@dataclass(slots=True)
class Session:
    """``csrf`` stands in each form of it."""

    id: str
    person: Person
    csrf: str
    began: float
    used: float


class Sessions:
    """In memory: who restarts the agent logs in again. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float], most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Session] = OrderedDict()

    def open(self, person: Person) -> Session:
        """A new one, under a name that nobody had before."""
        now = self._clock()
        made = Session(secrets.token_urlsafe(32), person, secrets.token_urlsafe(32), now, now)
        with self._lock:
            self._held[made.id] = made
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return made

    def find(self, name: str) -> Session | None:
        """The one of that name, if it has not ended."""
        with self._lock:
            found = self._held.get(name)
            if found is None:
                return None
            now = self._clock()
            until = min(found.began + LONGEST, found.used + IDLE, found.person.expires_at)
            if now >= until:
                del self._held[name]
                return None
            found.used = now
            self._held.move_to_end(name)
            return found

    def close(self, name: str) -> None:
        """End it."""
        with self._lock:
            self._held.pop(name, None)


class Forms:
    """Proves that a form without a session came from a page of ours: its token goes with a cookie."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def new(self) -> str:
        """A cookie's value."""
        return secrets.token_urlsafe(24)

    def token(self, cookie: str) -> str:
        """What stands in the form."""
        return hmac.new(self._key, cookie.encode(), "sha256").hexdigest()

    def fits(self, cookie: str, token: str) -> bool:
        """Whether the two belong together."""
        return bool(cookie) and hmac.compare_digest(self.token(cookie).encode(), token.encode())
