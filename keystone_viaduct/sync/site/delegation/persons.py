"""The one list of ways to act as somebody, or to shut him out, each asked against what he holds at the hub.

A rule that lets a spoke change one of these asks here. Whoever holds more than is delegated keeps them as the
hub has them: his password and options, credentials, application credentials and their access rules, trusts in
which one acts as him, OAuth tokens, the links of his identity provider and what leads there, his revocations,
and whether his domain is enabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.site.delegation.act import Problem
from keystone_viaduct.sync.site.delegation.court import Court, actor_of
from keystone_viaduct.sync.site.delegation.world import MOST

_USERS, _MEMBERS = frozenset({"user"}), frozenset({"membership", "expiring_membership"})
MICROSECONDS = 1_000_000


def person(court: Court, keys: Iterable[object]) -> Iterator[Problem]:
    """What makes one this user, or keeps him from being himself: he holds nothing beyond the delegation."""
    for key in keys:
        if key is not None:
            yield from court.holds_nothing_beyond("user", str(key))


def linked_to(court: Court, provider: str) -> Iterator[Problem]:
    """What decides who comes in by an identity provider: nobody whom it knows already holds more."""
    if court.is_sovereign:
        return
    users = court.world.referrers(Ref("identity_provider", provider), _USERS)
    if len(users) > MOST:
        yield Problem(f"more than {MOST} users come in by identity provider {provider}")
        return
    yield from person(court, (user.key for user in users))


def living_in(court: Court, domain: str) -> Iterator[Problem]:
    """What shuts out a whole domain: nobody lives there who holds a role on the system, or more than is
    delegated in another domain.
    """
    if court.is_sovereign:
        return
    yield from _abroad(court, domain)
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
