"""The hub judges again what limited sites have made, when somebody has been given more since.

What came when it was allowed may let a site act as somebody, or shut him out, who holds more today: it knows
his password, it has made a credential of his. Who may hold more is noted with the change that gives it
(``sync.site.gains``); from there the records are found that concern him (``sync.site.made``), in batches,
with the pages that the hub applies and reads, and with its upkeep. What would be refused today is listed,
once. It is not taken back: a person decides.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from keystone_viaduct.kinds.reference import ANY_MODE
from keystone_viaduct.sync.model import (
    EVERYTHING,
    JUDGED,
    THING,
    Checkpoint,
    Conflict,
    Document,
    Due,
    Page,
    Record,
    Ref,
    SiteState,
    Version,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.carrying import referrers
from keystone_viaduct.sync.site.content import contents
from keystone_viaduct.sync.site.decisions import list_now
from keystone_viaduct.sync.site.delegation.act import Act
from keystone_viaduct.sync.site.delegation.hearing import Hearing
from keystone_viaduct.sync.site.delegation.ways import (
    COMING,
    GIVEN,
    GROUP,
    RULES,
    USER,
    USING,
    WAYS_OF,
    Somebody,
)
from keystone_viaduct.sync.site.delegation.world import PROTOCOLS
from keystone_viaduct.sync.site.made import act_of, made_by, note, noted
from keystone_viaduct.sync.site.nonce import new_identifier

LOG = logging.getLogger(__name__)
#: So much is judged in one transaction, and so many records are looked through.
BATCH, LOOKED_AT = 100, 500
#: Rows that nobody has looked at; beyond that the rest waits.
MOST_UNSEEN = 10_000
_MEMBERS = frozenset({"membership", "expiring_membership"})
_KINDS = sorted(WAYS_OF)


def judge(tx: Transaction, due: Sequence[Due], now: int) -> bool:
    """Judge these of what is due again; whether there may be more to do now."""
    state = tx.state()
    if not state.judges:
        tx.drop_due(due)
        return True
    _spread(tx, [Somebody(one.sort, one.key) for one in due if one.sort not in (THING, EVERYTHING)], now)
    for one in due:
        if one.sort == EVERYTHING:
            _look_through(tx, state, one, now)
    things = [one for one in due if one.sort == THING]
    rows = _judged(tx, state, [one.ref for one in things], now) if things else []
    if rows and tx.count_unseen() >= MOST_UNSEEN:
        LOG.warning(
            "%d records that were judged again wait for a person: what else is due waits", MOST_UNSEEN
        )
        tx.drop_due([one for one in due if one.sort not in (THING, EVERYTHING)])
        return False
    list_now(tx, rows, now)
    tx.drop_due([one for one in due if one.sort != EVERYTHING])
    return True


def give_up(tx: Transaction, due: Due, error: Exception, now: int) -> None:
    """One that fails in a way that nobody has foreseen is listed, and stops no other."""
    if due.sort == EVERYTHING:
        kind, _, key = due.place.partition("/")
        keys = tx.live_keys(kind or _KINDS[0], key, 1)
        tx.go_on(due, f"{kind or _KINDS[0]}/{keys[0] if keys else key}")
        return
    tx.drop_due([due])
    if due.sort == THING:
        why = f"it could not be judged again ({type(error).__name__})"
        list_now(tx, _unlisted(tx, [_row(due.ref, tx.state().site, why, (), now)]), now)


def _spread(tx: Transaction, found: Sequence[Somebody], now: int) -> None:
    """From who may hold more to the records that concern him."""
    if not found:
        return
    targets = {noted(somebody) for somebody in found}
    groups = [Ref("group", one.key) for one in found if one.sort == GROUP]
    if groups:
        targets.update(noted(Somebody(sort, "")) for sort in (RULES, GIVEN))
        members = referrers(tx, groups, ANY_MODE, _MEMBERS)
        keys = {ref.key.split("/")[0] for them in members.values() for ref in them}
        tx.add_due([Due(USER, "", key) for key in sorted(keys)], now)
    targets.update(map(noted, _entrances(tx, [Ref("user", one.key) for one in found if one.sort == USER])))
    tx.add_due_made(targets, now)


def _entrances(tx: Transaction, users: Sequence[Ref]) -> list[Somebody]:
    """By which identity providers these come in, and by which mappings."""
    rows = tx.documents(users) if users else {}
    items = [item for row in rows.values() for item in row.get("federated") or []]
    providers = sorted({str(item.get("idp_id")) for item in items if isinstance(item, dict)})
    if not providers:
        return []
    using = referrers(tx, [Ref("identity_provider", key) for key in providers], ANY_MODE, PROTOCOLS)
    protocols = tx.documents([ref for them in using.values() for ref in them])
    mappings = sorted({str(row.get("mapping_id")) for row in protocols.values()})
    return [*(Somebody(COMING, key) for key in providers), *(Somebody(USING, key) for key in mappings)]


def _look_through(tx: Transaction, state: SiteState, due: Due, now: int) -> None:
    """The next records of the kinds on the list: what of them limited sites have made is noted, and due."""
    begun, _, after = due.place.partition("/")
    kinds = _KINDS[_KINDS.index(begun) :] if begun else _KINDS
    left = LOOKED_AT
    for kind in kinds:
        keys = tx.live_keys(kind, after, left)
        _look_at(tx, state, [Ref(kind, key) for key in keys], now)
        left -= len(keys)
        if left == 0:
            tx.go_on(due, f"{kind}/{keys[-1]}")
            return
        after = ""
    tx.drop_due([due])


def _look_at(tx: Transaction, state: SiteState, refs: Sequence[Ref], now: int) -> None:
    sites = state.charter.limited
    records = {ref: found for ref, found in tx.records(refs).items() if made_by(sites, found)}
    content = contents(tx, list(records), records)
    made = note(tx, state, ((records[ref], content.get(ref)) for ref in records))
    tx.add_due([Due(THING, *ref) for ref in sorted(made)], now)


def _judged(tx: Transaction, state: SiteState, refs: Sequence[Ref], now: int) -> list[Conflict]:
    """What of these would be refused today and is not on the list: a row for each site that made it."""
    known = tx.records(refs)
    records = {ref: record for ref, record in known.items() if not (record.deleted or record.evicted)}
    content = contents(tx, list(records), records)
    rows: list[Conflict] = []
    for site in sorted(state.charter.limited):
        acts = _acts(site, records, content)
        rows += _refusable(tx, state, site, records, acts, now) if acts else []
    return _unlisted(tx, rows) if rows else []


def _acts(site: str, records: Mapping[Ref, Record], content: Mapping[Ref, Document]) -> list[Act]:
    sites = frozenset({site})
    found = [(record, content.get(ref), made_by(sites, record).get(site)) for ref, record in records.items()]
    acts = [act_of(site, names, record, row) for record, row, names in found if names and row is not None]
    return [act for act in acts if act is not None]


def _refusable(
    tx: Transaction,
    state: SiteState,
    site: str,
    records: Mapping[Ref, Record],
    acts: Sequence[Act],
    now: int,
) -> list[Conflict]:
    nothing = Page(site, state.term, None, Checkpoint("", 0, ""), False, Version(), ())
    run = Applying(tx, state, nothing, now, lambda kind, scope: "hub", records=dict(records))
    hearing = Hearing(run, state.charter.delegation_of(site))
    hearing.read_ahead(acts)
    rows = []
    for act in acts:
        problem = hearing.problem(act)
        if problem is not None:
            ways = WAYS_OF[act.ref.kind]
            names = tuple(sorted(n for n in act.changed if any(way.is_by(n) for way in ways)))
            why = f"{site} has made this, and might not today: {problem.why}"
            rows.append(_row(act.ref, site, why, names, now))
    return rows


def _row(ref: Ref, site: str, why: str, names: tuple[str, ...], now: int) -> Conflict:
    return Conflict(new_identifier(), ref, JUDGED, "rule", why, names, site, now, {}, open=True)


def _unlisted(tx: Transaction, rows: Sequence[Conflict]) -> list[Conflict]:
    """Those about which nobody has been told, or has decided otherwise: a row that waits says enough."""
    told: dict[Ref, list[Conflict]] = {}
    for row in tx.judged([row.ref for row in rows]):
        told.setdefault(row.ref, []).append(row)
    return [row for row in rows if not any(_says(other, row) for other in told.get(row.ref, ()))]


def _says(known: Conflict, row: Conflict) -> bool:
    if known.site != row.site:
        return False
    return known.open or (known.explanation, known.fields) == (row.explanation, row.fields)
