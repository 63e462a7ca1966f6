"""What limited sites have made: told by the dots of its fields, and noted by whom it concerns.

A site is believed only about its own edits, so a field's dot says who wrote what stands there now. The note
(:meth:`~keystone_viaduct.sync.ports.Judging.note_made`) is an index to that, and may be too wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keystone_viaduct.sync.model import DELETED, Document, Record, Ref, SiteState, site_of
from keystone_viaduct.sync.naming import somebody
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.delegation.act import Act
from keystone_viaduct.sync.site.delegation.ways import GIVEN, RULES, WAYS_OF, Somebody, whom

#: Set once, when a record is made; to have made it is another thing than to be able to act as it.
_LASTING = frozenset({DELETED, "id", "domain_id", "local.domain_id", "nonlocal.domain_id"})
#: Records that stand for somebody themselves: who has made one has made a person, not a way to act as him.
_PERSONS = frozenset({"user", "group", "domain", "project"})
#: What leads to whoever a rule names, by id or by name: looked up as a whole, for it is little.
_ANYBODY = frozenset({GIVEN, RULES})


def made_by(sites: frozenset[str], record: Record) -> dict[str, frozenset[str]]:
    """Which of these sites have written what of it stands, each with the fields."""
    found: dict[str, set[str]] = {}
    for name, state in record.fields.items():
        site = site_of(state.dot.origin)
        if site in sites:
            found.setdefault(site, set()).add(name)
    return {site: frozenset(names) for site, names in found.items()}


def act_of(site: str, names: frozenset[str], record: Record, content: Document) -> Act | None:
    """What that site has done to a record, as if it did so now; None if nothing of it is on the list of ways.

    What is enabled shuts nobody out.
    """
    kind = record.ref.kind
    names -= _LASTING
    if kind in _PERSONS:
        if content.get("enabled"):
            names -= {"enabled"}
        names = frozenset(name for name in names if any(way.is_by(name) for way in WAYS_OF[kind]))
        return Act(record.ref, content, content, names) if names else None
    if kind not in WAYS_OF:
        return None
    born = site_of(record.birth.origin) == site
    return Act(record.ref, None if born else content, content, names)


def concerned(site: str, names: frozenset[str], record: Record, content: Document) -> set[str]:
    """Whom that concerns, as it is noted."""
    act = act_of(site, names, record, content)
    return set() if act is None else {noted(found) for found in whom(act)}


def noted(found: Somebody) -> str:
    """How it is looked for."""
    return somebody(found.sort, "" if found.sort in _ANYBODY else found.key)


def note(tx: Transaction, state: SiteState, found: Iterable[tuple[Record, Document | None]]) -> set[Ref]:
    """At the hub: note what of these limited sites have made; which."""
    sites = state.charter.limited
    told: dict[Ref, set[str]] = {}
    for record, content in found if sites else ():
        if record.ref.kind not in WAYS_OF or content is None:
            continue
        for site, names in made_by(sites, record).items():
            told.setdefault(record.ref, set()).update(concerned(site, names, record, content))
    noting: Mapping[Ref, set[str]] = {ref: targets for ref, targets in told.items() if targets}
    if noting:
        tx.note_made(noting)
    return set(noting)
