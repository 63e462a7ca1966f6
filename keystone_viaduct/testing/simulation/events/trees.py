"""Operators move what lies in trees, each as the Keystone of his own site allows it."""

from __future__ import annotations

from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet
from keystone_viaduct.testing.simulation.trees import loop_of

#: So many regions, that two sites often move the same.
REGIONS = ("r1", "r2", "r3", "r4")
DOMAIN, CROSSED = Ref("domain", "default"), (Ref("project", "crossed-1"), Ref("project", "crossed-2"))


def region(fleet: Fleet, site: str) -> list[str]:
    """A region is made, put below another, or at the top; now and then it is deleted with what lies below."""
    node = fleet.nodes[site]
    rows = node.store.data.rows
    ref = Ref("region", fleet.chance.choice(REGIONS))
    fleet.cloud.begin(fleet.step)
    if ref in rows and fleet.chance.random() < 0.1:
        fleet.cloud.delete_tree(site, node.store, fleet.step, node.clock.now(), ref)
        fleet.tell(f"{site}: region {ref.key} is deleted: {ref not in node.store.data.rows}")
        return [site]
    there = sorted(other.key for other in rows if other.kind == "region" and other != ref)
    parent = fleet.chance.choice([None, *there])
    before = rows.get(ref, {"id": ref.key, "description": fleet.cloud.unique("land")})
    kept = {name: value for name, value in before.items() if name != "parent_region_id"}
    if _write(fleet, site, ref, {**kept, "parent_region_id": parent} if parent else kept):
        fleet.counts["tree moves"] += 1
    fleet.tell(f"{site}: region {ref.key} is put below {parent}")
    return [site]


def cross(fleet: Fleet, site: str) -> list[str]:
    """At two or three sites a region is put below the next one at once: a circle, if all are heard."""
    others = [name for name in fleet.nodes if name != site]
    sites = [site, *fleet.chance.sample(others, min(len(others), fleet.chance.choice((1, 1, 2))))]
    there = [Ref("region", key) for key in REGIONS]
    there = [ref for ref in there if all(ref in fleet.nodes[at].store.data.rows for at in sites)]
    if len(there) < len(sites):
        return []
    regions = fleet.chance.sample(there, len(sites))
    done = []
    for at, ref, parent in zip(sites, regions, [*regions[1:], regions[0]], strict=True):
        rows = fleet.nodes[at].store.data.rows
        if _write(fleet, at, ref, {**rows[ref], "parent_region_id": parent.key}):
            done.append(at)
        fleet.tell(f"{at}: region {ref.key} is put below {parent.key}: {at in done}")
    fleet.counts["crossed moves"] += len(done) == len(sites)
    return sites


def project(fleet: Fleet, site: str) -> list[str]:
    """A project is put below another of its domain, in a shell: Keystone's API does not."""
    rows = fleet.nodes[site].store.data.rows
    found = sorted(ref for ref in rows if ref.kind == "project")
    if not found:
        return []
    ref = fleet.chance.choice(found)
    domain = str(rows[ref]["domain_id"])
    there = [other.key for other in found if rows[other]["domain_id"] == domain and other != ref]
    parent = fleet.chance.choice([domain, *there])
    if _write(fleet, site, ref, {**rows[ref], "parent_id": parent}):
        fleet.counts["tree moves"] += 1
    fleet.tell(f"{site}: project {ref.key} is put below {parent}")
    return [site]


def cross_projects(fleet: Fleet, site: str) -> list[str]:
    """At two sites two projects are put below each other, and get one name: a circle, and a name too many.

    Of a few that are made for it where they are not yet.
    """
    other = fleet.chance.choice([name for name in fleet.nodes if name != site])
    rows = [fleet.nodes[at].store.data.rows for at in (site, other)]
    for ref in CROSSED:
        if DOMAIN in rows[0] and ref not in rows[0]:
            new: Document = {"id": ref.key, "domain_id": DOMAIN.key, "parent_id": DOMAIN.key, "name": ref.key}
            made = _write(fleet, site, ref, {**new, "enabled": True, "tags": []})
            fleet.tell(f"{site}: project {ref.key} is made: {made}")
            return [site]
    if any(row.get(ref, {}).get("domain_id") != DOMAIN.key for row in rows for ref in CROSSED):
        return []
    name, done = f"crossed-{fleet.step}", []
    for at, row, ref, parent in zip((site, other), rows, CROSSED, CROSSED[::-1], strict=True):
        done.append(_write(fleet, at, ref, {**row[ref], "parent_id": parent.key, "name": name}))
    fleet.counts["crossed projects"] += all(done)
    fleet.tell(f"{site}, {other}: two projects are put below each other, as {name}: {done}")
    return [site, other]


def _write(fleet: Fleet, site: str, ref: Ref, new: Document) -> bool:
    node = fleet.nodes[site]
    rows = {**node.store.data.rows, ref: new}
    if ref in loop_of(rows, [ref]):
        return False  # the user gets 400
    now = node.clock.now()
    fleet.counts["acknowledged"] += 1
    return fleet.cloud.write(site, node.store, fleet.step, now, ref, new)


EVENTS = (
    Event("move_region", 3, region, shares={"tree moves": 1, "cycles cut": 0.03}),
    Event("cross_regions", 2, cross, shares={"crossed moves": 0.1}),
    Event("move_project", 1, project),
    Event("cross_projects", 4, cross_projects, shares={"crossed projects": 0.01}),
)
