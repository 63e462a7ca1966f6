"""The one list of ways to act as somebody, or to shut him out: each with whom it is about.

Every rule asks it (:func:`asking`), whatever the kind: whoever holds more than is delegated keeps what is on
this list as the hub has it. It is asked when a spoke's change comes, and again when somebody is given more at
the hub later (``sync.site.judging``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from types import MappingProxyType
from typing import NamedTuple

from keystone_viaduct.sync.model import Document
from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court, Rule
from keystone_viaduct.sync.site.delegation.persons import (
    given_by,
    group,
    held_on,
    linked_to,
    living_in,
    person,
    ruled_by,
    using,
)


class Somebody(NamedTuple):
    """Whom a way is about: one of :data:`ASKED`, and a key."""

    sort: str
    key: str


USER, GROUP, COMING, GIVEN, USING, RULES, DOMAIN, PROJECT = (
    "user",
    "group",
    "coming",
    "given",
    "using",
    "rules",
    "domain",
    "project",
)


class Asked(NamedTuple):
    """What is asked about somebody, and what that is in words."""

    says: str
    ask: Callable[[Court, str], Iterator[Problem]]


ASKED: Mapping[str, Asked] = MappingProxyType(
    {
        USER: Asked("that user", person),
        GROUP: Asked("that group", group),
        COMING: Asked("whoever comes in by that identity provider", linked_to),
        GIVEN: Asked("whoever its mappings lead to", given_by),
        USING: Asked("whoever comes in by an identity provider that uses it", using),
        RULES: Asked("whoever its rules lead to", ruled_by),
        DOMAIN: Asked("whoever lives there, or holds a role there", living_in),
        PROJECT: Asked("whoever holds a role there", held_on),
    }
)

SHUT_OUT, BOTH = "shut him out", "act as him, or shut him out"


@dataclass(frozen=True, slots=True)
class Way:
    """By a record of ``kind``: by a change of one of ``fields`` (None: of any but ``harmless`` and what is in
    ``extra``), by its deletion, and, unless ``made`` is False, by its creation.

    ``whom`` it is about, of which ``sorts``; what it ``does`` is for people to read.
    """

    name: str
    kind: str
    does: str
    whom: Callable[[Act], Iterable[Somebody]]
    fields: frozenset[str] | None = None
    harmless: frozenset[str] = frozenset()
    made: bool = True
    sorts: tuple[str, ...] = (USER,)

    def is_taken(self, act: Act) -> bool:
        """Whether a change goes this way."""
        if act.creates:
            return self.made
        return act.deletes or any(map(self.is_by, act.changed))

    def is_by(self, field: str) -> bool:
        """Whether a change of this field goes this way."""
        if self.fields is not None:
            return field in self.fields
        return field not in self.harmless and not field.startswith("extra.")


def _of(sort: str, field: str) -> Callable[[Act], Iterable[Somebody]]:
    """Whom a field names, before and after."""
    return lambda act: (Somebody(sort, key) for key in act.values(field))


def _itself(*sorts: str) -> Callable[[Act], Iterable[Somebody]]:
    return lambda act: (Somebody(sort, act.ref.key) for sort in sorts)


def _impersonated(act: Act) -> Iterator[Somebody]:
    """Who is acted as; not where the trust was used, and nothing else."""
    for content in [] if _is_use(act) else act.contents:
        if content.get("impersonation") and content.get("trustor_user_id") is not None:
            yield Somebody(USER, str(content["trustor_user_id"]))


def _is_use(act: Act) -> bool:
    """Whether fewer uses are left, and nothing else has changed."""
    if act.old is None or act.new is None or act.changed != {"remaining_uses"}:
        return False
    before, after = act.old.get("remaining_uses"), act.new.get("remaining_uses")
    return isinstance(before, int) and isinstance(after, int) and after < before


def _entered(act: Act) -> Iterator[Somebody]:
    """Who comes in by a protocol: those whom its provider knows, and whom its mapping leads to."""
    yield from (Somebody(COMING, key) for key in act.values("idp_id"))
    if act.new is not None and act.new.get("mapping_id") is not None:
        yield Somebody(RULES, str(act.new["mapping_id"]))


#: What bounds a revocation to the tokens for one thing, or to one token.
_NARROW = ("project_id", "trust_id", "access_token_id", "audit_id", "audit_chain_id")
_SINGLE = _NARROW[1:]


def _revoked(act: Act) -> Iterator[Somebody]:
    """Whose tokens are revoked, all of them; not single ones, nor those of one user for one project."""
    event: Document = act.new or {}
    if event.get("user_id") is not None:
        if all(event.get(name) is None for name in _NARROW):
            yield Somebody(USER, str(event["user_id"]))
    elif all(event.get(name) is None for name in _SINGLE):
        if event.get("project_id") is not None:
            yield Somebody(PROJECT, str(event["project_id"]))
        elif event.get("domain_id") is not None:
            yield Somebody(DOMAIN, str(event["domain_id"]))


_ENABLED = frozenset({"enabled"})
_DESCRIBED = frozenset({"description"})
#: Fields of a user by whose change nobody can become him, or keep him from being himself; and those that have
#: a line of their own.
_OF_USER = frozenset({"last_active_at", "created_at", "default_project_id", "description"})
_OTHER_THAN = _OF_USER | {"passwords", "federated", "enabled"}

WAYS: tuple[Way, ...] = (
    Way("a password", "user", BOTH, _itself(USER), frozenset({"passwords"})),
    Way("a federated link", "user", BOTH, _itself(USER), frozenset({"federated"})),
    Way("a user enabled or disabled", "user", SHUT_OUT, _itself(USER), _ENABLED),
    Way("a user's name, options and the like", "user", BOTH, _itself(USER), harmless=_OTHER_THAN),
    Way("a group's name and the like", "group", BOTH, _itself(GROUP), harmless=_DESCRIBED, sorts=(GROUP,)),
    Way("a membership", "membership", BOTH, _of(GROUP, "group_id"), sorts=(GROUP,)),
    Way("an expiring membership", "expiring_membership", BOTH, _of(GROUP, "group_id"), sorts=(GROUP,)),
    Way("a stored credential", "credential", BOTH, _of(USER, "user_id")),
    Way("an application credential", "application_credential", BOTH, _of(USER, "user_id")),
    Way("an access rule", "access_rule", BOTH, _of(USER, "user_id")),
    Way("an impersonating trust", "trust", BOTH, _impersonated),
    Way("an OAuth access token", "access_token", BOTH, _of(USER, "authorizing_user_id")),
    Way("an OAuth request token", "request_token", BOTH, _of(USER, "authorizing_user_id")),
    Way(
        "an identity provider",
        "identity_provider",
        BOTH,
        _itself(COMING, GIVEN),
        harmless=_DESCRIBED,
        sorts=(COMING, GIVEN),
    ),
    Way("a federation protocol", "federation_protocol", BOTH, _entered, sorts=(COMING, RULES)),
    Way("a mapping", "mapping", BOTH, _itself(USING, RULES), sorts=(USING, RULES)),
    Way(
        "a revocation of all tokens of a user, a project or a domain",
        "revocation_event",
        SHUT_OUT,
        _revoked,
        sorts=(USER, PROJECT, DOMAIN),
    ),
    Way(
        "a domain enabled or disabled",
        "domain",
        SHUT_OUT,
        _itself(DOMAIN),
        _ENABLED,
        made=False,
        sorts=(DOMAIN,),
    ),
    Way(
        "a project enabled or disabled",
        "project",
        SHUT_OUT,
        _itself(PROJECT),
        _ENABLED,
        made=False,
        sorts=(PROJECT,),
    ),
)

WAYS_OF: Mapping[str, tuple[Way, ...]] = MappingProxyType(
    {kind: tuple(way for way in WAYS if way.kind == kind) for kind in dict.fromkeys(w.kind for w in WAYS)}
)
"""Kind -> the ways that go by its records."""


def whom(act: Act) -> list[Somebody]:
    """Whom a change lets one act as, or shuts out."""
    taken = (way for way in WAYS_OF.get(act.ref.kind, ()) if way.is_taken(act))
    return list(dict.fromkeys(somebody for way in taken for somebody in way.whom(act)))


def against(court: Court, act: Act) -> Iterator[Problem]:
    """What of the list stands against a change."""
    if court.is_sovereign:
        return
    for somebody in whom(act):
        yield from ASKED[somebody.sort].ask(court, somebody.key)


def asking(rule: Rule) -> Rule:
    """The rule, which asks the list after what it says itself."""

    @wraps(rule)
    def asked(court: Court, act: Act) -> Iterator[Problem]:
        yield from rule(court, act)
        yield from against(court, act)

    return asked
