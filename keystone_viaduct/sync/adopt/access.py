"""Whose access changes when two sites are joined: what of each pair of records decides who may do what.

Two sites that grew apart have accounts of one name with different passwords, grants that only one of them
has, mappings of their own. Joined, one of the two holds at both. Nothing of that is decided here: it is
named, and an operator chooses (``choices``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from keystone_viaduct.kinds.model import JSON, Document, Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import JOIN_BOTH, JOIN_HUB, JOIN_SITE

LOGIN, ROLES, NAME, SECRET, RULES = "login", "roles", "name", "secret", "rules"
"""What changes: how an account logs in; what it may do; what it is called; a credential; who is let in."""

HUB, SITE, BOTH, NEWEST = JOIN_HUB, JOIN_SITE, JOIN_BOTH, "newest"

_SORTS = {"user": LOGIN, "credential": SECRET, "application_credential": SECRET, "trust": SECRET}
_SORTS |= {"consumer": SECRET, "request_token": SECRET, "access_token": SECRET}
_NAMES = frozenset({"name", "local.name", "nonlocal.name"})
#: Kind -> the fields that decide about access (``.*``: all of that prefix); None: all that differ.
_FIELDS: Mapping[str, tuple[str, ...] | None] = {
    "user": ("passwords", "enabled", "option.*", "federated", "local.name", "nonlocal.name"),
    "group": ("name",),
    "role": ("name",),
    "domain": ("name", "enabled"),
    "project": ("name", "enabled"),
    "domain_config": None,
    "identity_provider": ("enabled", "domain_id", "remote_ids", "authorization_ttl"),
    "federation_protocol": ("mapping_id", "remote_id_attribute"),
    "mapping": ("rules", "schema_version"),
    "service_provider": ("enabled", "auth_url", "sp_url"),
    "credential": None,
    "application_credential": None,
    "trust": None,
    "consumer": None,
    "request_token": None,
    "access_token": None,
}
_OPTIONS = {
    "option.1000": "must change the password at first use",
    "option.1001": "password never expires",
    "option.1002": "never locked out",
    "option.1003": "may not change the password",
    "option.1004": "never disabled for being away",
    "option.MFAR": "the rules of multi-factor log-in",
    "option.MFAE": "whether multi-factor log-in is on",
}


@dataclass(frozen=True, slots=True)
class Access:
    """One account, credential or set of roles whose access changes.

    ``key`` is the record's once it is adopted. ``what`` says what differs, in words. ``records`` are those
    that a choice is about, ``options`` what may be chosen; ``newest``: which of the two is, if Keystone keeps
    that. ``service``: other services log in by it. ``agent``: the agent does.
    """

    sort: str
    kind: str
    key: str
    label: str
    what: tuple[str, ...]
    records: tuple[tuple[str, str], ...]
    options: tuple[str, ...] = (HUB, SITE)
    newest: str = ""
    service: bool = False
    agent: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """By what an operator may name it; the first is how it is shown."""
        kind = ROLES if self.sort == ROLES else self.kind
        return f"{kind}/{self.label}", f"{kind}/{self.key}"


def differences(
    kind: Kind,
    mine: Document,
    theirs: Document,
    differing: Iterable[str],
    sites: tuple[str, str],
    *,
    known: bool,
) -> tuple[list[str], str]:
    """What of two records of the same thing decides about access and differs, in words; which is newer.

    ``sites``: the names of this one and of the hub. ``known``: secrets can be compared.
    """
    said, newest = [], ""
    site, hub = sites
    fields = _FIELDS.get(kind.name, ())
    for name in sorted(differing):
        if name == "passwords":
            continue
        if fields is None or any(_fits(name, field) for field in fields):
            said.append(_words(kind, name, mine.get(name), theirs.get(name), site, hub))
    if kind.name == "user" and known:
        told, newest = _password(mine, theirs, site, hub)
        said = [*told, *said]
    return said, newest


def untold(kind: Kind, mine: Document) -> list[str]:
    """What can't be told of a record where one of the inventories holds nothing of secrets."""
    if kind.name == "user":
        return ["password: can't be told"] if mine.get("passwords") else []
    return ["its secret: can't be told"] if _FIELDS.get(kind.name, ()) is None and kind.secret else []


def _fits(name: str, field: str) -> bool:
    return name.startswith(field[:-1]) if field.endswith(".*") else name == field


def _words(kind: Kind, name: str, mine: JSON, theirs: JSON, site: str, hub: str) -> str:
    if kind.is_secret(name):
        return f"{name}: another at {hub}"
    if name in _NAMES:
        return f"is called {theirs} at {hub}, {mine} at {site}"
    if name in _OPTIONS:
        return f"{_OPTIONS[name]}: {_short(theirs)} at {hub}, {_short(mine)} at {site}"
    if name == "enabled":
        return f"{_enabled(theirs)} at {hub}, {_enabled(mine)} at {site}"
    return f"{name}: {_short(theirs)} at {hub}, {_short(mine)} at {site}"


def _enabled(value: JSON) -> str:
    return "disabled" if value is False else "enabled"


def _short(value: JSON) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _password(mine: Document, theirs: Document, site: str, hub: str) -> tuple[list[str], str]:
    ours, other = _current(mine), _current(theirs)
    if ours is None or other is None:
        if ours is other:
            return [], ""
        return [f"password: only at {hub if ours is None else site}"], ""
    newest = ""
    set_here, set_there = _time(ours), _time(other)
    if set_here != set_there:
        newest = SITE if set_here > set_there else HUB
    if ours.get("password_hash") != other.get("password_hash"):
        return [f"password: set {_day(set_there)} at {hub}, {_day(set_here)} at {site}"], newest
    expires = "expires_at_int"
    if ours.get(expires) != other.get(expires):
        there, here = (_day(_number(side.get(expires))) for side in (other, ours))
        return [f"the password expires: {there} at {hub}, {here} at {site}"], newest
    return [], newest


def _current(document: Document) -> dict[str, JSON] | None:
    """The password that logs in: the last that was set."""
    found = document.get("passwords")
    items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    return max(items, key=_time) if items else None


def _time(item: Mapping[str, JSON]) -> int:
    return _number(item.get("created_at_int"))


def _number(value: JSON) -> int:
    return value if isinstance(value, int) else 0


def _day(microseconds: int) -> str:
    if not microseconds:
        return "never"
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M")


def grant_parts(kind: str, key: str) -> tuple[tuple[str, str], tuple[tuple[str, ...], str]]:
    """Of a record that says by being there who may do what: who (kind, key), and on what (kinds, key)."""
    parts = REGISTRY[kind].split_key(key)
    if kind == "membership":
        return ("user", parts[0]), (("group",), parts[1])
    if kind == "implied_role":
        return ("role", parts[0]), (("role",), parts[1])
    subject = "group" if parts[0].startswith("Group") else "user"
    on = ("domain",) if parts[0].endswith("Domain") else ("project", "domain")
    return (subject, parts[1]), (on, parts[2])


def grant_words(kind: str, key: str, call: Mapping[tuple[str, str], str]) -> str:
    """Such a record for a reader."""
    parts = REGISTRY[kind].split_key(key)

    def called(name: str, key: str) -> str:
        return call.get((name, key), key)

    if kind == "membership":
        return f"member of group {called('group', parts[1])}"
    if kind == "implied_role":
        return f"implies {called('role', parts[1])}"
    role, inherited = called("role", parts[3]), " and below" if parts[4] == "1" else ""
    if kind == "system_assignment":
        return f"{role} on the system"
    on = "domain" if parts[0].endswith("Domain") else "project"
    return f"{role} on {on} {called(on, parts[2])}{inherited}"


def lines(found: Access) -> Iterator[str]:
    """One line for each thing that changes."""
    first = found.addresses[0]
    for number, text in enumerate(found.what):
        yield f"{first if not number else '':{len(first)}}  {text}"


def sort_of(kind: str) -> str:
    """What changes where records of a kind differ."""
    return _SORTS.get(kind, RULES)
