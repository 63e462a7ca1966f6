"""Rules for application credentials and their access rules."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court, texts
from keystone_viaduct.sync.site.delegation.persons import hashes


def access_rule(court: Court, act: Act) -> Iterator[Problem]:
    """Its user lies in a delegated domain and holds nothing that is not delegated."""
    if not act.values("user_id"):
        yield from court.fleet_wide("an access rule of nobody")
    yield from court.within("user", act.values("user_id"), gone=act.deletes)


def application_credential(court: Court, act: Act) -> Iterator[Problem]:
    """User, project and access rules lie in delegated domains, every role may be granted, and the user holds
    nothing that is not delegated. An unrestricted one only with all roles, one for the system only with all
    domains and all roles. Its secret's hash costs no more than the hub's own.
    """
    yield from hashes(court, [] if act.new is None else [act.new.get("secret_hash")])
    for content in act.contents:
        yield from court.within("user", [str(content.get("user_id"))], gone=act.deletes)
        if content.get("project_id") is not None:
            yield from court.within("project", [str(content["project_id"])], gone=content is act.old)
        if content.get("system") is not None:
            yield from court.sovereign("an application credential for the system")
        if content.get("unrestricted") and court.delegation.roles is not None:
            yield Problem("an unrestricted application credential is for a delegation of all roles")
        yield from court.roles(texts(content.get("roles")))
    if act.new is not None:
        yield from court.within("access_rule", texts(act.new.get("access_rules")))
