"""Whether somebody holds more at the hub than is delegated: what the list of ways asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.site.delegation.act import Problem
from keystone_viaduct.sync.site.delegation.court import Court, actor_of
from keystone_viaduct.sync.site.delegation.mapping import rules_within
from keystone_viaduct.sync.site.delegation.world import GRANTS, MOST, PROTOCOLS

_USERS, _MEMBERS = frozenset({"user"}), frozenset({"membership", "expiring_membership"})
MICROSECONDS = 1_000_000


def person(court: Court, user: str) -> Iterator[Problem]:
    """He holds nothing beyond the delegation, by whatever road."""
    yield from court.holds_nothing_beyond("user", user)


def group(court: Court, key: str) -> Iterator[Problem]:
    """It holds nothing beyond the delegation."""
    yield from court.holds_nothing_beyond("group", key)


def linked_to(court: Court, provider: str) -> Iterator[Problem]:
    """Nobody holds more whom an identity provider knows already."""
    users = court.world.referrers(Ref("identity_provider", provider), _USERS)
    if len(users) > MOST:
        yield Problem(f"more than {MOST} users come in by identity provider {provider}")
        return
    for user in users:
        yield from person(court, user.key)


def given_by(court: Court, provider: str) -> Iterator[Problem]:
    """Its mappings lead to nothing that is not delegated."""
    for ref in court.world.referrers(Ref("identity_provider", provider), PROTOCOLS):
        content = court.world.before(ref)
        if content is not None:
            yield from ruled_by(court, str(content.get("mapping_id")))


def using(court: Court, mapping: str) -> Iterator[Problem]:
    """Nobody holds more who comes in by an identity provider whose protocol uses this mapping."""
    for ref in court.world.referrers(Ref("mapping", mapping), PROTOCOLS):
        content = court.world.before(ref)
        if content is not None:
            yield from linked_to(court, str(content.get("idp_id")))


def ruled_by(court: Court, mapping: str) -> Iterator[Problem]:
    """A mapping leads to nothing that is not delegated, before and after, as far as it is here."""
    ref = Ref("mapping", mapping)
    for content in (court.world.before(ref), court.world.after(ref)):
        if content is not None:
            yield from rules_within(court, content.get("rules"))


def held_on(court: Court, project: str) -> Iterator[Problem]:
    """Nobody holds a role on a project that may not be granted; a grant's key says all of it."""
    for ref in court.world.referrers(Ref("project", project), GRANTS):
        yield from _too_strong(court, ref)


def _too_strong(court: Court, ref: Ref) -> Iterator[Problem]:
    _, actor, target, role, _ = REGISTRY["assignment"].split_key(ref.key)
    if not court.grantable(role):
        yield Problem(f"{actor} holds role {role} on {target}, which may not be granted")


def living_in(court: Court, domain: str) -> Iterator[Problem]:
    """Nobody lives in a domain who holds a role on the system, or more than is delegated in another domain;
    and nobody holds a role there that may not be granted.
    """
    yield from _abroad(court, domain)
    strong = court.world.strong_in(domain, court.grantable)
    if strong is None:
        yield Problem(f"more than {MOST} hold roles in {domain} that may not be granted, or look like it")
        return
    for ref in strong:
        yield from _too_strong(court, ref)
    grants = court.world.all_of("system_assignment")
    if grants is None:
        yield Problem(f"more than {MOST} hold roles on the system: who lives in {domain} is not looked up")
        return
    for grant in grants:
        for user in _holders(court, court.world.before(grant) or {}):
            if _lives_in(court, user, domain):
                yield Problem(f"user {user} of domain {domain} holds a role on the system")


def _abroad(court: Court, domain: str) -> Iterator[Problem]:
    """Who lives in this domain and holds something in another one: only what is delegated, too."""
    rights = court.world.crossing(domain)
    if rights is None:
        yield Problem(f"more than {MOST} hold something in {domain} and elsewhere: they are not looked up")
        return
    for ref in rights:
        content = court.world.before(ref) or {}
        kind, key = _receiver(ref, content)
        if _lives_in(court, key, domain, kind):
            yield from court.holds_nothing_beyond(kind, key)
        elif ref.kind == "assignment":  # so it is about something there
            yield from _too_strong(court, ref)


def _receiver(ref: Ref, content: Document) -> tuple[str, str]:
    """Whom a right is given to."""
    if ref.kind == "trust":
        return "user", str(content.get("trustee_user_id"))
    if ref.kind in _MEMBERS:
        return "user", str(content.get("user_id"))
    kind, keys = actor_of(content)
    return kind, keys[0]


def _holders(court: Court, grant: Document) -> Iterator[str]:
    actor = str(grant.get("actor_id"))
    if not str(grant.get("type", "")).startswith("Group"):
        yield actor
        return
    for member in court.world.referrers(Ref("group", actor), _MEMBERS):
        content = court.world.before(member)
        if content is not None and content.get("group_id") == actor:
            yield str(content.get("user_id"))


def _lives_in(court: Court, key: str, domain: str, sort: str = "user") -> bool:
    places = [court.world.before(Ref(kind, key)) for kind in (sort, "id_mapping")]
    known = {content.get("domain_id") for content in places if content is not None}
    return domain in known or domain in court.world.outside(Ref(sort, key))


def hashes(court: Court, texts: Iterable[object]) -> Iterator[Problem]:
    """Hashes of the schemes, and of the costs, that the hub itself would make: a log-in pays them."""
    if court.is_sovereign:
        return
    for text in texts:
        if isinstance(text, str) and (why := court.world.hashing().problem(text)):
            yield Problem(why)


def dated(court: Court, what: str, times: Iterable[object]) -> Iterator[Problem]:
    """No time further ahead than a day: what is revoked until then stays revoked."""
    if court.is_sovereign:
        return
    latest = datetime.fromtimestamp(court.world.latest() // MICROSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for time in times:
        if time is not None and str(time) > latest:
            yield Problem(f"{what} is dated {time}, more than a day ahead")
