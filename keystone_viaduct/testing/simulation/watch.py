"""What must hold after every step, for what the step touched (docs/explanation/protocol.md)."""

from __future__ import annotations

from collections.abc import Iterable

from keystone_viaduct.kinds.trees import told
from keystone_viaduct.sync.model import DELETED, Dot, Record, Ref, SiteState, Version, site_of
from keystone_viaduct.sync.site.sequencer import sequence
from keystone_viaduct.testing.memory import Data
from keystone_viaduct.testing.simulation.broken import Broken
from keystone_viaduct.testing.simulation.fleet import Fleet, Node
from keystone_viaduct.testing.simulation.trees import hanging, loop_of


class Watch:
    """Remembers what has been seen, so that two sights can be compared."""

    def __init__(self) -> None:
        self._dots: dict[tuple[Dot, Ref, str], str] = {}
        self._versions: dict[tuple[Ref, Version], str] = {}
        self._checkpoints: dict[tuple[str, str, int], int] = {}
        self._looked_at: dict[tuple[str, Ref], Record] = {}
        self._decided: dict[tuple[int, str, Ref], Version] = {}
        self._forgotten: set[tuple[int, str, Ref]] = set()
        self._knowledge: dict[str, Version] = {}
        self._unanswered: dict[tuple[str, Ref], Record] = {}
        self._restorations = 0
        self._forked: set[str] = set()

    def look(self, fleet: Fleet, touched: Iterable[str]) -> None:
        """Raise Broken if something that the step touched is wrong."""
        if fleet.restorations != self._restorations:
            self._begin_anew(fleet)
        for name in touched:
            node = fleet.nodes[name]
            data = node.store.data
            changed = self._changed(fleet, name, data)
            self._forgotten.update(key for key in self._decided if _is_purged(data, key))
            unmet = fleet.unmet_life(name)
            for record in changed:
                self._seen(name, record, unmet)
                if data.state.is_hub:
                    self._chained(data.state, record)
            self._exact(fleet, name, data, changed)
            no_loop(name, data)
            for source, checkpoint in data.checkpoints.items():
                # Who is to hold more reads anew, by a later charter.
                life = f"{source}#{checkpoint.incarnation}@{data.state.charter.edition.number}"
                key = (name, life, fleet.restarts)
                if self._checkpoints.get(key, 0) > checkpoint.seq:
                    raise Broken("checkpoint_monotone", f"{name} from {source}")
                self._checkpoints[key] = checkpoint.seq

    def _changed(self, fleet: Fleet, site: str, data: Data) -> list[Record]:
        changed = [
            record for ref, record in data.records.items() if self._looked_at.get((site, ref)) is not record
        ]
        self._looked_at.update(((site, record.ref), record) for record in changed)
        fleet.buried.update(record.ref for record in changed if record.deleted)
        return changed

    def _begin_anew(self, fleet: Fleet) -> None:
        """After a restore only what is at a site or on its way somewhere counts as given out."""
        self._dots, self._versions, self._checkpoints = {}, {}, {}
        self._decided, self._knowledge, self._looked_at = {}, {}, {}
        self._restorations, self._forked = fleet.restorations, fleet.forked
        for node in fleet.nodes.values():
            unmet = fleet.unmet_life(node.name)
            for record in self._changed(fleet, node.name, node.store.data):
                self._seen(node.name, record, unmet)

    def _seen(self, site: str, record: Record, unmet: str) -> None:
        """``unmet``: a life in which the site numbers what nobody has read of it (``Fleet.unmet_life``)."""
        if record.evicted:
            return  # of its contents nothing is left to look at
        if record.version.entries.get(unmet):
            return
        if any(origin in self._forked for origin in record.version.entries):
            return  # a life of the hub that was lost: two branches of it, until its cut is known everywhere
        if self._versions.setdefault((record.ref, record.version), record.digest) != record.digest:
            raise Broken("version_digest", f"{record.ref} at {site}: {record.version}")
        for name, state in record.fields.items():
            if state.dot.seq == 0:
                continue  # the zero dot says: no news
            if self._dots.setdefault((state.dot, record.ref, name), state.digest) != state.digest:
                raise Broken("dot_unique", f"{record.ref}.{name} at {site}: {state.dot}")
            if not record.version.includes(state.dot):
                raise Broken("dot_covers_own", f"{record.ref}.{name} at {site}: {state.dot}")

    def _chained(self, state: SiteState, record: Record) -> None:
        """What the hub says of a record only grows within a term; what lies beyond a cut has other names.

        A site that was restored before it became the hub may find out only then.
        """
        key = (state.term, state.site, record.ref)
        if not record.version:  # an operator has discarded its deletion: it comes back from elsewhere
            self._decided.pop(key, None)
            return
        before = self._decided.get(key, Version())
        if key in self._forgotten and not before.includes(record.birth):
            before = Version()  # rule 9: a record that was made apart from the one that is gone and forgotten
        self._forgotten.discard(key)
        for origin, seq in state.cuts.items():
            before = before.clipped(origin, seq)
        if not record.version.covers(before) and not self._forked:
            raise Broken("hub_versions_chain", f"{record.ref}: {before}, then {record.version}")
        self._decided[key] = record.version

    def _exact(self, fleet: Fleet, name: str, data: Data, changed: list[Record]) -> None:
        """Every edit that the site knows of is in its record, or was replaced, or the record is deleted.

        What the hub has purged while the site was away is still there until the hub has seen it; what a spoke
        has, until it has been shown it by a later hub.
        """
        decided = fleet.nodes[fleet.hub].store.data.records
        knowledge = data.state.all_knowledge
        grown = self._knowledge.get(name) != knowledge
        self._knowledge[name] = knowledge
        refs = None if grown else [record.ref for record in changed]
        for other in fleet.nodes.values():
            if other.name != name:
                theirs = other.store.data.records
                for record in theirs.values() if refs is None else [theirs[r] for r in refs if r in theirs]:
                    mine = data.records.get(record.ref)
                    if _elsewhere(data, mine, record, decided.get(record.ref)) or _evicted(fleet, record):
                        continue
                    if _forgotten(fleet, record) or _is_older(fleet, name, mine, record):
                        continue
                    if mine is None and record.ref in fleet.buried:
                        continue
                    if (
                        mine is not None
                        and record.ref in fleet.buried
                        and (record.ref not in decided or _is_dropped(fleet, record))
                    ):
                        self._unanswered[name, record.ref] = mine
                    elif not self._is_unanswered(name, mine):
                        self._known((name, other.name), mine, record, data.state.knows(record.ref))

    def _is_unanswered(self, site: str, mine: Record | None) -> bool:
        """Whether the hub had purged its tombstone when this record was last like this: it answers anew."""
        if mine is None:
            return False
        before = self._unanswered.get((site, mine.ref))
        return before is not None and before.version == mine.version

    def _known(self, sites: tuple[str, str], mine: Record | None, record: Record, knowledge: Version) -> None:
        if mine is record or (mine is not None and mine.version.covers(record.version)):
            return
        if mine is not None and not mine.version:
            return  # an operator wants its lost row back from elsewhere: the site knows what it lacks
        if mine is not None and mine.deleted and record.deleted:
            return  # one of two tombstones that was dropped, before the other came
        for name, state in record.fields.items():
            if self._restorations and site_of(state.dot.origin) in sites:
                continue  # what a restored site has numbered anew before somebody showed it that it has
            if state.dot.seq and state.dot.origin not in self._forked and knowledge.includes(state.dot):
                if mine is None or not mine.version.includes(state.dot):
                    raise Broken("knowledge_exact", f"{sites[0]} lacks {state.dot}, {name} of {record.ref}")


def _is_dropped(fleet: Fleet, tombstone: Record) -> bool:
    """Whether a site has dropped this tombstone, and the hub has changed: from that site the new one may have
    heard how far all is known, and not of the deletion. The site answers the record when it is shown.
    """
    if not (tombstone.deleted and fleet.counts["promotions"]):
        return False
    dropped = (version for (_, ref), version in fleet.purged.items() if ref == tombstone.ref)
    return any(version.includes(tombstone.fields[DELETED].dot) for version in dropped)


def _is_older(fleet: Fleet, site: str, mine: Record | None, theirs: Record) -> bool:
    """Whether it is what a site has deleted and forgotten, or the tombstone of that, before a record came
    that was made apart.
    """
    forgotten = fleet.purged.get((site, theirs.ref))
    if mine is None or mine.deleted or forgotten is None or theirs.version.includes(mine.birth):
        return False
    return theirs.deleted or forgotten.covers(theirs.version)


def _is_purged(data: Data, key: tuple[int, str, Ref]) -> bool:
    term, site, ref = key
    return (term, site) == (data.state.term, data.state.site) and ref not in data.records


def _elsewhere(data: Data, mine: Record | None, theirs: Record, decided: Record | None) -> bool:
    """Whether the site does not hold the record, so that its knowledge says nothing about it."""
    if theirs.evicted or (mine is not None and mine.evicted):
        return True
    covered = data.state.covered
    sights = [theirs] if decided is None else [theirs, decided]
    return any(not covered.holds(record.ref.kind, record.scope) for record in sights)


def _evicted(fleet: Fleet, record: Record) -> bool:
    """Whether its maker has let it go: then his knowledge of his own edits says nothing about it."""
    maker = fleet.nodes.get(site_of(record.birth.origin))
    made = maker.store.data.records.get(record.ref) if maker is not None else None
    return made is not None and made.evicted


def _forgotten(fleet: Fleet, record: Record) -> bool:
    """Whether who deleted it has kept no tombstone that another hub than the one that knew could be shown."""
    if fleet.term == 1 or not record.deleted:
        return False
    dot = record.fields[DELETED].dot
    maker = fleet.nodes.get(site_of(dot.origin))
    kept = maker.store.data.records.get(record.ref) if maker is not None else None
    return kept is None or not kept.version.includes(dot)


def no_loop(site: str, data: Data) -> None:
    """No record lies below itself in a site's tables: its Keystone would go up for ever."""
    loop = loop_of(data.rows, hanging(data.rows))
    if loop:
        raise Broken("acyclic", f"{site}: {told(loop)}")


class _Undo(Exception):
    """Ends a transaction that only wanted to know."""


def check_no_echo(node: Node) -> None:
    """Nothing is numbered that nobody has edited; nothing is changed by looking."""

    def work(tx: object) -> None:
        before = tx.state()  # type: ignore[attr-defined]
        after = sequence(tx, before, node.clock.now())  # type: ignore[arg-type]
        if after.head != before.head:
            raise Broken("no_echo", f"{node.name} numbers something although nothing was edited")
        raise _Undo

    try:
        node.store.run(work)
    except _Undo:
        return
