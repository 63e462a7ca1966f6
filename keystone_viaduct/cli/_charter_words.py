"""A charter in plain words: what each site will hold and may do, and what of it is dangerous."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.charter import Charter, Coverage, Delegation
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.powers import unsaid


def in_words(charter: Charter) -> list[str]:
    """Sentences for people; those that begin with ``!`` are warnings."""
    found: list[str] = []
    for site in sorted({*charter.coverages, *charter.delegations}):
        coverage, delegation = charter.coverage_of(site), charter.delegation_of(site)
        found += [f"{site} {_holds(coverage)}.", f"{site} {_may(delegation)}."]
        found += [f"! {site}: {warning}" for warning in warnings(site, charter)]
    return found or ["every site holds everything and may change everything"]


def warnings(site: str, charter: Charter) -> Iterator[str]:
    """What an operator may not have meant."""
    coverage, delegation = charter.coverage_of(site), charter.delegation_of(site)
    if delegation.is_full:
        return
    if delegation.roles is None:
        where = "anywhere" if delegation.domains is None else "in its domains"
        yield f"it may grant every role, admin too: whoever it likes becomes an administrator {where}"
    elif delegation.administration:
        yield "some of the roles that it may grant make administrators"
    if delegation.domains is None:
        yield "it may change what belongs to no domain, such as the catalog, where its kinds allow it"
    if coverage.domains is None:
        yield "it receives the users and secrets of all domains"
    elif delegation.domains is not None and coverage.domains - delegation.domains:
        others = ", ".join(sorted(coverage.domains - delegation.domains))
        yield f"it receives the users and secrets of domains that it may not change: {others}"


def doubts(tx: Transaction, charter: Charter) -> Iterator[str]:
    """For `viaduct doctor`: what a charter allows that nobody may have meant, or has ever said."""
    for site in sorted(charter.delegations):
        for warning in warnings(site, charter):
            yield f"{site}: {warning}"
        if not charter.delegation_of(site).is_full and site not in charter.coverages:
            yield f"{site}: what it holds was never said, so it holds everything"
    for site, powers in unsaid(tx, charter).items():
        yield f"{site}: it may grant {', '.join(powers)}, and nobody has said that this is meant"


def _holds(coverage: Coverage) -> str:
    if coverage.is_full:
        return "holds everything"
    return f"holds {_kinds(coverage.kinds)} of {_domains(coverage.domains)}"


def _may(delegation: Delegation) -> str:
    if delegation.is_full:
        return "may change everything, as the hub itself"
    if delegation.kinds == frozenset() or delegation.domains == frozenset():
        return "may change nothing"
    roles = "every role" if delegation.roles is None else _listed("the roles", delegation.roles, "no role")
    return f"may change {_kinds(delegation.kinds)} in {_domains(delegation.domains)}, and grant {roles} there"


def _kinds(kinds: frozenset[str] | None) -> str:
    return "records of every kind" if kinds is None else _listed("records of the kinds", kinds, "no kind")


def _domains(domains: frozenset[str] | None) -> str:
    return "all domains" if domains is None else _listed("the domains", domains, "no domain")


def _listed(what: str, names: frozenset[str], nothing: str) -> str:
    return f"{what} {', '.join(sorted(names))}" if names else nothing
