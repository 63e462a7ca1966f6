"""A charter as it comes in: from an operator, or with a page of the hub."""

from __future__ import annotations

import re
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Charter, Coverage, Delegation, Edition, PolicyRule
from keystone_viaduct.sync.wire import checks, limits

POLICY = re.compile(r"hub|latest|hold|spoke:[A-Za-z0-9][A-Za-z0-9._-]*")
_PARTS = frozenset({"edition", "coverages", "delegations", "policies", "retired", "external"})


def checked_charter(value: Any, where: str, *, strict: bool = False) -> Charter:
    """The charter in a JSON object. Raises BadRequest, TooLarge naming the place.

    ``strict``: it comes from an operator, so an unknown member or kind is a mistake, and so is what is left
    out of a coverage or delegation: nobody should give more than he has written. From the hub it may be the
    word of a later release, and what is left out is all.
    """
    body = checks.mapping(value, where)
    if strict:
        _only(body, _PARTS, where)
    charter = _charter(body, where, strict)
    if strict:
        _check_coverages(charter, where)
    return charter


def _check_coverages(charter: Charter, where: str) -> None:
    """A site that may not change everything gets only what is said."""
    for site, delegation in charter.delegations.items():
        if not delegation.is_full and site not in charter.coverages:
            raise checks.bad(
                f"{where}.coverages.{site}",
                "is missing: a site whose delegation is limited holds what is said, and nothing else",
                "write the kinds and domains that it is to hold, or `all` for each",
            )


def _charter(body: dict[str, Any], where: str, strict: bool) -> Charter:
    return Charter(
        _edition(body.get("edition", [0, 0]), f"{where}.edition"),
        {
            checks.site_name(site, f"{where}.coverages"): Coverage(
                **_sets(entry, ("kinds", "domains"), f"{where}.coverages.{site}", strict, complete=strict)
            )
            for site, entry in checks.mapping(body.get("coverages", {}), f"{where}.coverages").items()
        },
        {
            checks.site_name(site, f"{where}.delegations"): _delegation(
                entry, f"{where}.delegations.{site}", strict
            )
            for site, entry in checks.mapping(body.get("delegations", {}), f"{where}.delegations").items()
        },
        tuple(
            _rule(rule, f"{where}.policies[{number}]", strict)
            for number, rule in enumerate(checks.sequence(body.get("policies", []), f"{where}.policies"))
        ),
        frozenset(
            checks.origin(life, f"{where}.retired")
            for life in checks.sequence(body.get("retired", []), f"{where}.retired", limits.PEERS)
        ),
        checks.text(body["external"], f"{where}.external", limits.FIELD) if body.get("external") else "",
    )


def checked_coverage(value: Any, where: str) -> Coverage:
    """What the hub has picked a page by."""
    return Coverage(**_sets(value, ("kinds", "domains"), where, strict=False))


def _delegation(value: Any, where: str, strict: bool) -> Delegation:
    body = checks.mapping(value, where)
    rest = {name: member for name, member in body.items() if name != "administration"}
    return Delegation(
        **_sets(rest, ("kinds", "domains", "roles"), where, strict, complete=strict),
        administration=checks.flag(body.get("administration", False), f"{where}.administration"),
    )


def _edition(value: Any, where: str) -> Edition:
    term, number = checks.tuple_of(value, where, 2)
    return Edition(checks.integer(term, where), checks.integer(number, where))


def _rule(value: Any, where: str, strict: bool) -> PolicyRule:
    body = checks.mapping(value, where)
    policy = checks.text(checks.member(body, "policy", where), f"{where}.policy", 80, POLICY)
    rest = {name: member for name, member in body.items() if name != "policy"}
    return PolicyRule(policy, **_sets(rest, ("kinds", "domains"), where, strict))


def _sets(
    value: Any, names: tuple[str, ...], where: str, strict: bool, *, complete: bool = False
) -> dict[str, frozenset[str]]:
    """``complete``: each has to be given, be it as `all`."""
    body = checks.mapping(value, where)
    if strict:
        _only(body, frozenset(names), where)
    found: dict[str, frozenset[str]] = {}
    for name in names:
        place = f"{where}.{name}"
        if complete and body.get(name) is None:
            raise checks.bad(
                place, "is missing", f"list the {name}, or write `{name}: all`; an empty list is none"
            )
        if body.get(name) in (None, "all"):
            continue
        members = checks.sequence(body[name], place)
        found[name] = frozenset(checks.text(member, place, limits.FIELD) for member in members)
    unknown = sorted(found.get("kinds", frozenset()) - set(REGISTRY)) if strict else []
    if unknown:
        raise checks.bad(
            f"{where}.kinds", f"names the unknown kind {unknown[0][:40]!r}", "`viaduct kinds` lists them"
        )
    return found


def _only(body: dict[str, Any], names: frozenset[str], where: str) -> None:
    strange = sorted(set(body) - names)
    if strange:
        raise checks.bad(
            where, f"has the unknown member {strange[0][:40]!r}", f"it may have {', '.join(sorted(names))}"
        )
