"""Somebody works on a site's tables where no trigger sees it: in a shell, with triggers off, from a dump."""

from __future__ import annotations

from functools import partial

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Tables, Write
from keystone_viaduct.sync.site.content import split_known
from keystone_viaduct.testing.simulation import unseen
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet

OWNING = frozenset({Mode.OWNING})
KINDS = ("user", "project", "group", "assignment", "membership", "credential", "role", "domain")


def lose(fleet: Fleet, site: str) -> list[str]:
    """Rows vanish: some, or a whole table; with what belongs to them, or without.

    Where there is nothing to lose yet, it happens at another site.
    """
    empties = fleet.chance.random() < 0.5
    sites = {name: _tables(fleet, name, 3 if empties else 1) for name in (site, *fleet.nodes)}
    site = next((name for name, tables in sites.items() if tables), "")
    if not site:
        return []
    rows, refs = fleet.nodes[site].store.data.rows, fleet.chance.choice(sites[site])
    gone = set(refs if empties else fleet.chance.sample(refs, min(fleet.chance.choice((1, 1, 2)), len(refs))))
    if fleet.chance.random() < 0.5:
        gone |= _dependents(fleet, site, gone)
    unseen.write_by_hand(fleet, site, [Write(ref, rows[ref], None) for ref in sorted(gone)])
    fleet.counts["tables emptied" if empties else "rows lost"] += 1
    fleet.tell(f"{site}: {len(gone)} rows vanish, among them {sorted(gone)[0]}")
    return [site]


def alter(fleet: Fleet, site: str) -> list[str]:
    """A row is changed or made with the triggers off."""
    rows = fleet.nodes[site].store.data.rows
    fleet.cloud.begin(fleet.step)
    refs = sorted(ref for ref in rows if ref.kind in ("user", "project"))
    word = fleet.cloud.unique("hand")
    write: Write | None = None
    if refs and fleet.chance.random() < 0.7:
        ref = fleet.chance.choice(refs)
        field = fleet.chance.choice(("extra.email", "extra.phone"))
        write = Write(ref, rows[ref], {**rows[ref], field: word})
    else:
        write = _new_user(fleet, rows, word)
    if write is None or not unseen.write_by_hand(fleet, site, [write]):
        return []
    fleet.counts["rows altered"] += 1
    fleet.tell(f"{site}: {write.ref} is {'changed' if write.old else 'made'} by hand: {word}")
    return [site]


def put_back(fleet: Fleet, _: str) -> list[str]:
    """One table is put back from a dump, over a database that goes on living."""
    if not fleet.backups:
        return []
    dump = fleet.chance.choice(fleet.backups)
    site = dump.site
    store = fleet.nodes[site].store
    tables: list[list[Write]] = []
    for kind in KINDS:
        known, rows = store.known_fields(kind), store.data.rows
        old = {
            ref: split_known(row, known)[0] if known is not None else row
            for ref, row in dump.data.rows.items()
        }
        refs = sorted(ref for ref in old.keys() | rows.keys() if ref.kind == kind)
        tables.append(
            [Write(ref, rows.get(ref), old.get(ref)) for ref in refs if rows.get(ref) != old.get(ref)]
        )
    writes = fleet.chance.choice([writes for writes in tables if writes] or [[]])
    if not writes or not unseen.write_by_hand(fleet, site, writes):
        return []
    fleet.counts["tables put back"] += 1
    fleet.tell(f"{site}: the table of {writes[0].ref.kind} is put back, {len(writes)} rows differ")
    return [site]


def _tables(fleet: Fleet, site: str, least: int) -> list[list[Ref]]:
    rows = sorted(fleet.nodes[site].store.data.rows)
    tables = [[ref for ref in rows if ref.kind == kind] for kind in KINDS]
    return [refs for refs in tables if len(refs) >= least]


def _dependents(fleet: Fleet, site: str, gone: set[Ref]) -> set[Ref]:
    found, todo = set(gone), sorted(gone)
    run = fleet.nodes[site].store.run
    while todo:
        referring = run(partial(_referrers, refs=todo))
        todo = sorted({ref for those in referring.values() for ref in those} - found)
        found.update(todo)
    return found


def _referrers(tx: Tables, refs: list[Ref]) -> dict[Ref, list[Ref]]:
    return tx.referrers(refs, OWNING)


def _new_user(fleet: Fleet, rows: dict[Ref, Document], word: str) -> Write | None:
    domains = sorted(ref.key for ref in rows if ref.kind == "domain")
    if not domains:
        return None
    name = fleet.chance.choice(("ada", "bob", "cyd", word))
    row: Document = {
        "id": word,
        "domain_id": fleet.chance.choice(domains),
        "enabled": True,
        "local.name": name,
        "extra.email": word,
    }
    return Write(Ref("user", word), None, row)


EVENTS = (
    Event("lose", 1.2, lose, shares={"rows lost": 0.3, "tables emptied": 0.02}),
    Event("alter", 0.7, alter, shares={"rows altered": 0.3}),
    Event("put_back", 0.4, put_back, shares={"tables put back": 0.02}),
)
