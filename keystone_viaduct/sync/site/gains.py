"""Who may hold more than before by a change at the hub: what limited sites have made is judged again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from keystone_viaduct.sync.charter import UNKNOWN, Charter, domains_of
from keystone_viaduct.sync.model import EVERYTHING, Document, Due, Record, Ref, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.delegation.court import actor_of, target_of
from keystone_viaduct.sync.site.delegation.ways import (
    COMING,
    DOMAIN,
    GIVEN,
    PROJECT,
    RULES,
    USER,
    USING,
    Somebody,
)

#: A cause that may concern anybody: rare, and looked through in batches.
ANYBODY = Somebody(EVERYTHING, "")
Before = Record | None
Cause = Callable[[Before, Record, Document], Iterable[Somebody]]


def _granted(_: Before, record: Record, content: Document) -> Iterator[Somebody]:
    """Its receiver, and whoever can no longer be shut out of the place."""
    kind, keys = actor_of(content)
    yield Somebody(kind, keys[0])
    if record.ref.kind == "assignment" and target_of(content)[0] == "project":
        yield Somebody(PROJECT, target_of(content)[1][0])
    yield from _there(record)


def _there(record: Record) -> Iterator[Somebody]:
    return (Somebody(DOMAIN, domain) for domain in sorted(domains_of(record.scope) - {UNKNOWN}))


def _joined(_: Before, record: Record, content: Document) -> Iterator[Somebody]:
    yield Somebody(USER, str(content.get("user_id")))
    yield from _there(record)


def _trusted(_: Before, record: Record, content: Document) -> Iterator[Somebody]:
    yield Somebody(USER, str(content.get("trustee_user_id")))
    yield from _there(record)


def _by_protocol(_: Before, record: Record, content: Document) -> Iterator[Somebody]:
    yield Somebody(COMING, str(content.get("idp_id")))
    yield Somebody(USING, str(content.get("mapping_id")))
    yield Somebody(GIVEN, "")


def _by_mapping(_: Before, record: Record, content: Document) -> Iterator[Somebody]:
    yield Somebody(RULES, "")
    yield Somebody(GIVEN, "")


def _implied(_: Before, record: Record, content: Document) -> Iterator[Somebody]:
    yield ANYBODY


def _linked(before: Before, record: Record, content: Document) -> Iterator[Somebody]:
    if _differs(before, record, "federated", "domain_id") and (
        before is not None or content.get("federated")
    ):
        yield Somebody(USER, record.ref.key)


def _renamed(before: Before, record: Record, content: Document) -> Iterator[Somebody]:
    """A mapping's rules may name it."""
    if before is not None and _differs(before, record, "name"):
        yield from _by_mapping(before, record, content)
    yield from _moved(before, record, content)


def _moved(before: Before, record: Record, content: Document) -> Iterator[Somebody]:
    if before is not None and _differs(before, record, "domain_id"):
        yield ANYBODY


def _differs(before: Before, record: Record, *names: str) -> bool:
    def digest(side: Before, name: str) -> str:
        state = side.fields.get(name) if side is not None else None
        return state.digest if state is not None else ""

    return any(digest(before, name) != digest(record, name) for name in names)


CAUSES: Mapping[str, Cause] = MappingProxyType(
    {
        "assignment": _granted,
        "system_assignment": _granted,
        "membership": _joined,
        "expiring_membership": _joined,
        "trust": _trusted,
        "implied_role": _implied,
        "federation_protocol": _by_protocol,
        "mapping": _by_mapping,
        "user": _linked,
        "group": _renamed,
        "domain": _renamed,
        "role": _renamed,
        "project": _moved,
        "identity_provider": _moved,
    }
)
"""Kind -> who may hold more when a record of it comes or changes. By a deletion nobody holds more."""


def note_gains(
    tx: Transaction,
    state: SiteState,
    found: Iterable[tuple[Record, Document | None]],
    before: Mapping[Ref, Record],
    now: int,
) -> None:
    """At the hub, where sites are limited: note who may hold more by these changes."""
    if not state.judges:
        return
    gaining = {
        somebody: None
        for record, content in found
        if content is not None and (cause := CAUSES.get(record.ref.kind)) is not None
        for somebody in cause(_living(before.get(record.ref)), record, content)
    }
    due = [Due(somebody.sort, "", somebody.key) for somebody in gaining]
    if any(one.sort == EVERYTHING for one in due):
        judge_everything(tx, now)
    tx.add_due([one for one in due if one.sort != EVERYTHING], now)


def _living(record: Record | None) -> Before:
    return None if record is None or record.deleted or record.evicted else record


def judge_everything(tx: Transaction, now: int) -> None:
    """Have all judged again that limited sites have made, from the beginning."""
    everything = [Due(EVERYTHING, "", "")]
    tx.drop_due(everything)
    tx.add_due(everything, now)


def is_narrower(old: Charter, new: Charter) -> bool:
    """Whether the new charter allows some site less than the old one did, or perhaps so."""
    return any(new.delegation_of(site) != old.delegation_of(site) for site in new.limited)
