"""Which roles make administrators, and which charter would let a limited site grant one."""

from __future__ import annotations

from collections.abc import Mapping

from keystone_viaduct.errors import Refused
from keystone_viaduct.kinds.reference import ANY_MODE
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Claim, Transaction

#: Roles that policies of OpenStack's services take for administration.
POWERS = ("admin", "manager", "service")
_IMPLIED = frozenset({"implied_role"})


def administrative(tx: Transaction, roles: frozenset[str] | None) -> list[str]:
    """The names of these that are among those roles, or that one of those implies; ["all"] for all roles."""
    if roles is None:
        return ["all"]
    if not roles:
        return []
    found = tx.holders([Claim("role", "name", (name, None)) for name in POWERS])
    named = {ref.key: str(claim.values[0]) for claim, ref in found.items()}
    return sorted({named[key] for key in _implied(tx, roles) if key in named})


def _implied(tx: Transaction, roles: frozenset[str]) -> set[str]:
    """These roles and all that they imply, some calls deep."""
    seen, queue = set(roles), sorted(roles)
    while queue:
        links = tx.referrers([Ref("role", key) for key in queue], ANY_MODE, _IMPLIED)
        pairs = {REGISTRY["implied_role"].split_key(link.key) for found in links.values() for link in found}
        queue = sorted({implied for prior, implied in pairs if prior in seen and implied not in seen})
        seen.update(queue)
    return seen


def unsaid(tx: Transaction, charter: Charter) -> Mapping[str, list[str]]:
    """Per site whose delegation is limited: the powers that it may grant, though nobody has said so."""
    found = {
        site: administrative(tx, delegation.roles)
        for site, delegation in sorted(charter.delegations.items())
        if not delegation.is_full and not delegation.administration
    }
    return {site: powers for site, powers in found.items() if powers}


def check_administration(tx: Transaction, charter: Charter) -> None:
    """Raise Refused where a site that is limited could make administrators, and nobody has said so."""
    for site, powers in unsaid(tx, charter).items():
        told = "every role" if powers == ["all"] else ", ".join(powers)
        raise Refused(
            f"{site} could make administrators: it may grant {told}",
            hint=f"name other roles, or add `administration: true` to delegations.{site}",
            site=site,
        )
