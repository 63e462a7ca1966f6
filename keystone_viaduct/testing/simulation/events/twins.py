"""Tools make the same thing at several sites, each under an id of its own."""

from __future__ import annotations

from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet

PATHS = ("/servers", "/volumes")


def restricted(fleet: Fleet, site: str) -> list[str]:
    """A user makes an application credential with an access rule: one that is there, or a new one."""
    node = fleet.nodes[site]
    rows, now = node.store.data.rows, node.clock.now()
    users = sorted(ref for ref in rows if ref.kind == "user")
    if not users:
        return []
    fleet.cloud.begin(fleet.step)
    user = fleet.chance.choice(users[:3])
    path = fleet.chance.choice(PATHS)
    wanted: Document = {"user_id": user.key, "service": "s", "path": path, "method": "GET"}
    rule = _same(rows, "access_rule", wanted) or Ref("access_rule", fleet.cloud.unique("rule"))
    new: Document = {"id": rule.key, **wanted}
    made = rule in rows or fleet.cloud.write(site, node.store, fleet.step, now, rule, new)
    app = Ref("application_credential", fleet.cloud.unique("app"))
    document: Document = {
        "id": app.key,
        "name": app.key,
        "secret_hash": fleet.cloud.unique("hash"),
        "user_id": user.key,
        "roles": [],
        "access_rules": [rule.key],
    }
    if made and fleet.cloud.write(site, node.store, fleet.step, now, app, document):
        fleet.counts["restricted credentials"] += 1
    fleet.tell(f"{site}: {user.key} makes {app.key} with {rule.key} for {path}")
    return [site]


def unrestrict(fleet: Fleet, site: str) -> list[str]:
    """An application credential is deleted, or a rule that none uses, as Keystone has it."""
    node = fleet.nodes[site]
    rows = node.store.data.rows
    used = {key for ref, row in rows.items() for key in row.get("access_rules") or ()}
    free = [ref for ref in rows if ref.kind == "access_rule" and ref.key not in used]
    found = sorted([*free, *(ref for ref in rows if ref.kind == "application_credential")])
    if not found:
        return []
    ref = fleet.chance.choice(found)
    fleet.cloud.write(site, node.store, fleet.step, node.clock.now(), ref, None)
    fleet.tell(f"{site}: {ref} is deleted")
    return [site]


def limit(fleet: Fleet, site: str) -> list[str]:
    """A registered limit, or a project's limit of it; one that is there already gets another value."""
    node = fleet.nodes[site]
    rows = node.store.data.rows
    if Ref("service", "s") not in rows:
        return []  # Keystone answers 400: this site has not heard of it yet
    fleet.cloud.begin(fleet.step)
    number = fleet.chance.choice((10, 20, 1000 + fleet.step))
    what: Document = {"service_id": "s", "region_id": None, "resource_name": "vcpu"}
    registered = _same(rows, "registered_limit", what)
    projects = sorted(ref for ref in rows if ref.kind == "project")
    if registered is None or not projects or fleet.chance.random() < 0.5:
        ref = registered or Ref("registered_limit", fleet.cloud.unique("reg"))
        new: Document = {"id": ref.key, **what, "default_limit": number}
    else:
        what = {"registered_limit_id": registered.key, "project_id": fleet.chance.choice(projects[:3]).key}
        ref = _same(rows, "limit", what) or Ref("limit", fleet.cloud.unique("lim"))
        new = {"id": ref.key, **what, "resource_limit": number}
    if fleet.cloud.write(site, node.store, fleet.step, node.clock.now(), ref, new):
        fleet.counts["limits set"] += 1
    fleet.tell(f"{site}: {ref} is set to {number}")
    return [site]


def _same(rows: dict[Ref, Document], kind: str, wanted: Document) -> Ref | None:
    found = (
        ref
        for ref, row in sorted(rows.items())
        if ref.kind == kind and all(row.get(name) == value for name, value in wanted.items())
    )
    return next(found, None)


EVENTS = (
    Event("make_restricted", 2.5, restricted, shares={"restricted credentials": 0.2, "united": 0.05}),
    Event("delete_restricted", 1, unrestrict),
    Event("set_limit", 1.5, limit, shares={"limits set": 0.3}),
)
