"""Sites with a directory: its users are given roles, store credentials, log in; mappings are purged."""

from __future__ import annotations

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.testing.simulation.directories import GROUPS, MAPPED, PEOPLE
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet


def _at(fleet: Fleet, site: str) -> str:
    """The site, or another one if that has no directory."""
    return site if site in fleet.having else fleet.chance.choice(sorted(fleet.having))


def _write(fleet: Fleet, site: str, what: str, ref: Ref, new: Document | None) -> list[str]:
    node = fleet.nodes[site]
    before = len(fleet.ledger.edits) + len(fleet.ledger.deleted)
    done = fleet.cloud.write(site, node.store, fleet.step, node.clock.now(), ref, new)
    fleet.tell(f"{site}: {what}: {done}")
    fleet.counts["external owners"] += done
    fleet.counts["acknowledged"] += len(fleet.ledger.edits) + len(fleet.ledger.deleted) - before
    return [site]


def _owner(fleet: Fleet, site: str) -> Ref:
    """Somebody whom the site's driver knows; Keystone maps the ids of ``acme`` before it gives them out."""
    rows = fleet.nodes[site].store.data.rows
    mapped = [Ref("user", ref.key) for ref, _ in MAPPED if ref in rows]
    return fleet.chance.choice([*PEOPLE, *GROUPS, *mapped])


def grant(fleet: Fleet, site: str) -> list[str]:
    """A role for an external user or group."""
    site = _at(fleet, site)
    rows = sorted(fleet.nodes[site].store.data.rows)
    targets = [ref for ref in rows if ref.kind in ("project", "domain")]
    roles = [ref for ref in rows if ref.kind == "role"]
    actor = _owner(fleet, site)
    if not targets or not roles:
        return []
    target, role = fleet.chance.choice(targets), fleet.chance.choice(roles)
    sort = f"{actor.kind.capitalize()}{target.kind.capitalize()}"
    ref = Ref("assignment", REGISTRY["assignment"].make_key(sort, actor.key, target.key, role.key, False))
    new: Document = {
        "type": sort,
        "actor_id": actor.key,
        "target_id": target.key,
        "role_id": role.key,
        "inherited": False,
    }
    return _write(fleet, site, f"grant {role.key} to the external {actor} on {target}", ref, new)


def credential(fleet: Fleet, site: str) -> list[str]:
    """An external user stores something."""
    site = _at(fleet, site)
    user = _owner(fleet, site)
    if user.kind != "user":
        return []
    ref = Ref("credential", f"x-{fleet.step}")
    new: Document = {"id": ref.key, "user_id": user.key, "type": "totp", "blob": f"seed-{fleet.step}"}
    return _write(fleet, site, f"{ref} for the external {user}", ref, new)


def shadow(fleet: Fleet, site: str) -> list[str]:
    """Somebody logs in for the first time; or the row that was made then goes, as with a domain."""
    site = _at(fleet, site)
    rows = fleet.nodes[site].store.data.rows
    ref = fleet.chance.choice(PEOPLE)
    if ref in rows:
        return _write(fleet, site, f"the shadow {ref} goes", ref, None)
    if Ref("domain", "default") not in rows:
        return []
    new: Document = {"id": ref.key, "domain_id": "default", "enabled": True, "nonlocal.name": ref.key}
    return _write(fleet, site, f"{ref} logs in", ref, new)


def mapping(fleet: Fleet, site: str) -> list[str]:
    """A user of ``acme`` is met for the first time; or all mappings are purged."""
    site = _at(fleet, site)
    rows = fleet.nodes[site].store.data.rows
    if Ref("domain", "acme") not in rows:
        return []
    ref, row = fleet.chance.choice(MAPPED)
    if ref not in rows:
        return _write(fleet, site, f"{ref} is made", ref, row)
    return _write(fleet, site, f"{ref} is purged", ref, None) if fleet.chance.random() < 0.4 else []


EVENTS = (
    Event("external-grant", 3, grant, shares={"external owners": 2}),
    Event("external-credential", 2, credential),
    Event("external-shadow", 1.5, shadow),
    Event("external-mapping", 1.5, mapping),
)
