"""Owners without rows: who is external, and what follows from it ("deletion needs evidence").

That a user or group has no row is no evidence of a deletion where an identity driver other than SQL may know
it. So the site that numbers a record says which of the record's owners are external, by Keystone's own rules
(``identity/core.py``, ``_get_domain_driver_and_entity_id``):

- A public id with a row in ``id_mapping`` belongs to that row's domain, and so to its driver.
- Any other id is the default driver's. If that is SQL, it has a row, or the user is gone. If it is not and
  ids are not mapped, the id is the driver's own and belongs to the default domain. If they are, a public
  id is a digest of 64 digits, whose row may have been purged: it is made again when the user is next met.
- A ``user`` row with a ``nonlocal_user`` is the *shadow* of a user that has logged in. Its going says nothing
  about the user either.

Evidence is a tombstone of a user or group that is not a shadow's: there was a row, and somebody has seen it
go. It counts whatever a record says of its owners. A hollow tombstone, which answers a creation that was
refused, is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import UNKNOWN
from keystone_viaduct.sync.external import External, ExternalDrivers, Externals, united
from keystone_viaduct.sync.model import DELETED, Change, Document, Record, Ref, SiteState
from keystone_viaduct.sync.ports import Transaction

#: The kinds that may be external.
OWNERS = frozenset({"user", "group"})
#: The kinds of what they own.
_OWNED = frozenset(kind.name for kind in REGISTRY.values() if any(r.external for r in kind.references))
_DIGEST = re.compile(r"[0-9a-f]{64}")


def owners_of(ref: Ref, content: Document | None) -> list[Ref]:
    """The users and groups that this record refers to and that may be external."""
    if content is None:
        return []
    found = (Ref(r.kind, r.key) for r in REGISTRY[ref.kind].references_of(content) if r.external)
    return list(dict.fromkeys(found))


def of_owners(external: Externals, ref: Ref, content: Document | None) -> Externals:
    """What is said of the owners that the record has with this content."""
    if not external:
        return ()
    owners = owners_of(ref, content)
    return tuple(owner for owner in external if owner[:2] in owners)


def merged(ref: Ref, content: Document | None, *said: Externals) -> Externals:
    """What a record says that came of several versions: a living one of its owners, a tombstone of itself."""
    together = united(*said)
    if content is None:
        return tuple(owner for owner in together if owner[:2] == ref)
    return of_owners(together, ref, content)


def believed(tx: Transaction, state: SiteState, source: str) -> Callable[[External], bool]:
    """At the hub: what a limited site may say of the owners in its records.

    It is believed of one domain: that whose unmapped ids are an external driver's by the charter or the hub's
    own configuration, and only where that domain is delegated. Such ids mean one directory all over the
    fleet; a digest has a row in ``id_mapping``, by which the hub sees for itself where it belongs.
    """
    delegated = state.charter.delegation_of(source).domains
    domain = _known_domain(tx, state)
    if delegated is not None and domain not in delegated:
        domain = ""
    return lambda owner: bool(domain) and owner.domain == domain and not _DIGEST.fullmatch(owner.key)


def _known_domain(tx: Transaction, state: SiteState) -> str:
    """The domain of unmapped external ids; none where the charter says another one than is configured."""
    said, own = state.charter.external, tx.external_drivers().unmapped
    return said if not own or own == said else ("" if said else own)


def is_shadow(tombstone: Record | None) -> bool:
    """Whether it is the tombstone of the row of an external user, which tells nothing of the user."""
    return tombstone is not None and any(owner[:2] == tombstone.ref for owner in tombstone.external)


def is_evidence(record: Record | None) -> bool:
    """Whether this record of an owner says that the owner is gone."""
    if record is None or not record.deleted or is_shadow(record):
        return False
    return record.fields[DELETED].dot.seq > 0


def shadow(living: Record | Change) -> Externals:
    """What a tombstone of this record says of itself, if it is the row of an external user."""
    names = living.fields
    if living.ref.kind != "user" or "local.name" in names:
        return ()
    if "nonlocal.name" not in names:  # one whose lost row an operator wants back says so itself
        return tuple(owner for owner in living.external if owner[:2] == living.ref)
    return (External(*living.ref, living.scope or UNKNOWN),)


def said_by_both(one: Record, other: Change) -> Externals:
    """What two versions of a record say of owners. One that lives and is no shadow's row shows that there was
    none: a tombstone may have said so only because the row had come and gone before anybody looked.
    """
    said = united(one.external, other.external, shadow(one), shadow(other))
    if _is_of_sql(one) or _is_of_sql(other):
        return tuple(owner for owner in said if owner[:2] != one.ref)
    return said


def _is_of_sql(side: Record | Change) -> bool:
    return side.ref.kind == "user" and not side.deleted and len(side.fields) > 1 and not shadow(side)


def with_owners(tx: Transaction, records: Sequence[Record], found: Mapping[Ref, Document]) -> list[Record]:
    """Records that were numbered here just now, saying which of their owners are external."""
    drivers = tx.external_drivers()
    owners = {r.ref: owners_of(r.ref, found.get(r.ref)) for r in records if r.ref.kind in _OWNED}
    outside = outsiders(tx, drivers, (owner for them in owners.values() for owner in them))
    return [
        replace(record, external=_passing(record))
        if drivers and _came_and_went(record)
        else _saying(record, found.get(record.ref), owners.get(record.ref, []), outside)
        for record in records
    ]


def _came_and_went(record: Record) -> bool:
    """Whether a user's row was made and deleted before anybody numbered it: it may have been a shadow."""
    return record.ref.kind == "user" and record.deleted and record.birth == record.fields[DELETED].dot


def _passing(tombstone: Record) -> Externals:
    return (External(*tombstone.ref, tombstone.scope or UNKNOWN),)


def _saying(
    record: Record, content: Document | None, owners: Sequence[Ref], outside: Mapping[Ref, External]
) -> Record:
    if record.deleted or not (owners or record.external):
        return record
    found = tuple(outside[owner] for owner in owners if owner in outside)
    said = merged(record.ref, content, record.external, found)
    return replace(record, external=said) if said != record.external else record


def outsiders(tx: Transaction, drivers: ExternalDrivers, owners: Iterable[Ref]) -> dict[Ref, External]:
    """Those of these users and groups that, by this site's configuration and tables, are external; where SQL
    has every domain, those whom another site's driver is known to have.
    """
    asked = list(dict.fromkeys(owners))
    if not drivers or not asked:
        return _told_elsewhere(tx, asked)
    mappings = [Ref("id_mapping", owner.key) for owner in asked]
    rows = tx.documents([*asked, *mappings])
    records = tx.records([*asked, *mappings])
    found: dict[Ref, External] = {}
    for owner, mapping in zip(asked, mappings, strict=True):
        domain = _domain(drivers, owner, rows, records, mapping)
        if domain:
            found[owner] = External(*owner, domain)
    return found


def _told_elsewhere(tx: Transaction, owners: Sequence[Ref]) -> dict[Ref, External]:
    """By what other sites have said: a shadow, or a mapping of somebody who never had a row here."""
    mappings = [Ref("id_mapping", owner.key) for owner in owners]
    records = tx.records([*owners, *mappings]) if owners else {}
    found: dict[Ref, External] = {}
    for owner, mapping in zip(owners, mappings, strict=True):
        record, mapped = records.get(owner), records.get(mapping)
        if record is not None:
            said = record.external if record.deleted else shadow(record)
            found.update((owner, item) for item in said if item[:2] == owner)
        elif mapped is not None:
            found[owner] = External(*owner, mapped.scope or UNKNOWN)
    return found


def _domain(
    drivers: ExternalDrivers,
    owner: Ref,
    rows: Mapping[Ref, Document],
    records: Mapping[Ref, Record],
    mapping: Ref,
) -> str:
    """The domain of an external owner; '' for another, which has or had a row of its own."""
    row = rows.get(owner)
    if row is not None:
        is_shadow_row = "nonlocal.name" in row and row["nonlocal.name"] is not None
        return str(row.get("domain_id")) if is_shadow_row and row.get("local.name") is None else ""
    record = records.get(owner)
    if record is not None and not (is_shadow(record) or shadow(record)):
        return ""  # there was a row: whoever saw it go has a tombstone, and a sweep will see it
    if mapping in rows:
        domain = str(rows[mapping].get("domain_id"))
        return domain if domain in drivers.names else ""
    known = records.get(mapping)
    if known is not None and known.scope in drivers.names:
        return str(known.scope)
    if drivers.mapped and _DIGEST.fullmatch(owner.key):
        return drivers.mapped[0] if len(drivers.mapped) == 1 else UNKNOWN
    return drivers.unmapped
