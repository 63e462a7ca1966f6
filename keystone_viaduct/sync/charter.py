"""The fleet's charter: what each spoke holds and may change, and who wins a conflict; no I/O, no decisions.

It is written at the hub, travels with the hub's pages to every site (a site that is promoted later needs all
of it), and is replaced as a whole: the higher edition counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: Everything, where a set of kinds, domains or roles could be named.
ALL: None = None
#: Stands among a record's domains for one that is not known here; no site that is limited to domains has it.
UNKNOWN = "?"


def domains_of(scope: str | None) -> frozenset[str]:
    """The domains in a record's scope: none for what is the whole fleet's."""
    return frozenset(scope.split("/")) if scope else frozenset()


class Edition(NamedTuple):
    """Which charter is the later one: of a later term, and in one term of a higher number."""

    term: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a site is meant to hold; None stands for all kinds, or all domains (their ids)."""

    kinds: frozenset[str] | None = ALL
    domains: frozenset[str] | None = ALL

    @property
    def is_full(self) -> bool:
        """Whether the site holds all that the fleet has."""
        return self.kinds is None and self.domains is None

    def covers(self, other: Coverage) -> bool:
        """Whether this is at least as wide as ``other``."""
        return _wider(self.kinds, other.kinds) and _wider(self.domains, other.domains)

    def holds(self, kind: str, scope: str | None) -> bool:
        """Whether a record of this kind and scope is part of it; all of its domains have to be."""
        if self.kinds is not None and kind not in self.kinds:
            return False
        return self.domains is None or domains_of(scope) <= self.domains

    def common(self, other: Coverage) -> Coverage:
        """What both hold."""
        return Coverage(_common(self.kinds, other.kinds), _common(self.domains, other.domains))


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a spoke may change: kinds, domains (ids) and the roles (ids) that it may grant; None: all.

    ``administration``: whoever wrote it has said that some of these roles make administrators.
    """

    kinds: frozenset[str] | None = ALL
    domains: frozenset[str] | None = ALL
    roles: frozenset[str] | None = ALL
    administration: bool = False

    @property
    def is_full(self) -> bool:
        """Whether the spoke may change everything, as the hub itself."""
        return self.kinds is None and self.domains is None and self.roles is None


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A conflict policy for some kinds and domains (ids); the first rule that matches counts."""

    policy: str
    kinds: frozenset[str] | None = ALL
    domains: frozenset[str] | None = ALL

    def matches(self, kind: str, scope: str | None) -> bool:
        """Whether the rule speaks of this kind in all of these domains (None: it is the whole fleet's)."""
        return (self.kinds is None or kind in self.kinds) and (
            self.domains is None or (scope is not None and domains_of(scope) <= self.domains)
        )


@dataclass(frozen=True, slots=True)
class Charter:
    """The settings of a fleet. A site that is not named holds everything and may change everything.

    ``retired`` are the lives (``site#incarnation``) of sites that are gone for good; no operator sets them.
    ``external`` is the id of the one domain whose users an identity driver other than SQL knows by ids of its
    own, without id mapping ('': none): what a limited site says of such users is believed of no other.
    """

    edition: Edition = field(default_factory=Edition)
    coverages: Mapping[str, Coverage] = field(default_factory=dict)
    delegations: Mapping[str, Delegation] = field(default_factory=dict)
    policies: tuple[PolicyRule, ...] = ()
    retired: frozenset[str] = frozenset()
    external: str = ""

    def coverage_of(self, site: str) -> Coverage:
        """What that site is meant to hold."""
        return self.coverages.get(site, Coverage())

    def delegation_of(self, site: str) -> Delegation:
        """What that site may change."""
        return self.delegations.get(site, Delegation())

    def is_full(self, site: str) -> bool:
        """Whether that site holds and may change everything, as the hub does."""
        return self.coverage_of(site).is_full and self.delegation_of(site).is_full

    @property
    def limited(self) -> frozenset[str]:
        """The sites that may not change everything."""
        return frozenset(site for site, found in self.delegations.items() if not found.is_full)

    def policy_for(self, kind: str, scope: str | None, default: str) -> str:
        """The conflict policy; ``default`` where no rule matches."""
        for rule in self.policies:
            if rule.matches(kind, scope):
                return rule.policy
        return default


def _wider(mine: frozenset[str] | None, theirs: frozenset[str] | None) -> bool:
    return mine is None or (theirs is not None and mine >= theirs)


def _common(mine: frozenset[str] | None, theirs: frozenset[str] | None) -> frozenset[str] | None:
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return mine & theirs


def coverage_to_json(coverage: Coverage) -> dict[str, list[str]]:
    """``{"kinds": [...], "domains": [...]}``; "all" is left out."""
    return _sets(coverage, ("kinds", "domains"))


def coverage_from_json(body: Mapping[str, Any]) -> Coverage:
    """The opposite of :func:`coverage_to_json`, for what was checked before it was stored."""
    return Coverage(**{name: frozenset(body[name]) for name in ("kinds", "domains") if name in body})


def charter_to_json(charter: Charter) -> dict[str, Any]:
    """``{"edition": [term, number], "coverages": {site: {"kinds": [...]}}, ...}``; "all" is left out."""
    body: dict[str, Any] = {
        "edition": [*charter.edition],
        "coverages": {site: _sets(c, ("kinds", "domains")) for site, c in charter.coverages.items()},
        "delegations": {site: _delegation_to_json(d) for site, d in charter.delegations.items()},
        "policies": [
            {"policy": rule.policy, **_sets(rule, ("kinds", "domains"))} for rule in charter.policies
        ],
    }
    if charter.retired:
        body["retired"] = sorted(charter.retired)
    if charter.external:
        body["external"] = charter.external
    return body


def charter_from_json(body: Mapping[str, Any]) -> Charter:
    """The opposite of :func:`charter_to_json`, for what was checked before it was stored."""

    def sets(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, frozenset[str]]:
        return {name: frozenset(value[name]) for name in names if name in value}

    return Charter(
        Edition(*body.get("edition", (0, 0))),
        {
            site: Coverage(**sets(value, ("kinds", "domains")))
            for site, value in body.get("coverages", {}).items()
        },
        {
            site: Delegation(
                **sets(value, ("kinds", "domains", "roles")),
                administration=bool(value.get("administration", False)),
            )
            for site, value in body.get("delegations", {}).items()
        },
        tuple(
            PolicyRule(value["policy"], **sets(value, ("kinds", "domains")))
            for value in body.get("policies", ())
        ),
        frozenset(body.get("retired", ())),
        body.get("external", ""),
    )


def _delegation_to_json(found: Delegation) -> dict[str, Any]:
    body: dict[str, Any] = _sets(found, ("kinds", "domains", "roles"))
    return {**body, "administration": True} if found.administration else body


def charter_to_set(charter: Charter) -> dict[str, Any]:
    """As :func:`charter_to_json`, in the form in which one is set: "all" is written out."""
    body = charter_to_json(charter)
    for part, names in (("coverages", ("kinds", "domains")), ("delegations", ("kinds", "domains", "roles"))):
        for site, entry in body[part].items():
            body[part][site] = {**dict.fromkeys(names, "all"), **entry}
    return body


def _sets(value: object, names: tuple[str, ...]) -> dict[str, list[str]]:
    found = {name: getattr(value, name) for name in names}
    return {name: sorted(members) for name, members in found.items() if members is not None}
