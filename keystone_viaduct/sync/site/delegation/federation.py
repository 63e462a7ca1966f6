"""Rules for federation: identity providers, protocols, mappings, service providers."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court
from keystone_viaduct.sync.site.delegation.world import PROTOCOLS


def identity_provider(court: Court, act: Act) -> Iterator[Problem]:
    """In a delegated domain, before and after. One by which somebody comes in who holds more than is
    delegated, or whose mappings give more, may be described anew, nothing else.
    """
    yield from court.domain(act.values("domain_id"))
    if not act.values("domain_id"):
        yield from court.fleet_wide("an identity provider without a domain")


def federation_protocol(court: Court, act: Act) -> Iterator[Problem]:
    """Its identity provider lies in a delegated domain, nobody comes in by that who holds more than is
    delegated, and its mapping is one that the spoke may make.
    """
    yield from court.within("identity_provider", act.values("idp_id"), gone=act.deletes)
    if act.new is None or court.is_sovereign or "mapping_id" not in act.changed:
        return
    ref = Ref("mapping", str(act.new.get("mapping_id")))
    if court.world.before(ref) is None and court.world.after(ref) is None:
        yield Problem(f"{ref} is not here", ref)


def mapping(court: Court, act: Act) -> Iterator[Problem]:
    """Only protocols of delegated domains use it, by which nobody comes in who holds more than is delegated,
    and its rules lead to groups, roles, users and domains that are named as such, not taken from the
    assertion, and are delegated.
    """
    if court.is_sovereign:
        return
    for ref in court.world.referrers(act.ref, PROTOCOLS):
        content = court.world.before(ref) or {}
        yield from court.within("identity_provider", [str(content.get("idp_id"))])


def service_provider(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains: assertions about anybody go where it points."""
    yield from court.fleet_wide("a service provider")
