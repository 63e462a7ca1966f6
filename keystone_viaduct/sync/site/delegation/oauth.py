"""Rules for OAuth 1.0a."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court, texts


def consumer(court: Court, act: Act) -> Iterator[Problem]:
    """Only with all domains: any user may be asked to authorize it."""
    yield from court.fleet_wide("a consumer")


def request_token(court: Court, act: Act) -> Iterator[Problem]:
    """User and project lie in delegated domains, every role may be granted, and the user holds nothing that
    is not delegated.
    """
    yield from _token(court, act, "requested_project_id")


def access_token(court: Court, act: Act) -> Iterator[Problem]:
    """User and project lie in delegated domains, every role may be granted, and the user holds nothing that
    is not delegated: Keystone gives its bearer these roles, whether or not the user holds them.
    """
    yield from _token(court, act, "project_id")


def _token(court: Court, act: Act, project: str) -> Iterator[Problem]:
    yield from court.within("user", act.values("authorizing_user_id"), gone=act.deletes)
    yield from court.within("project", act.values(project), gone=act.deletes)
    for content in act.contents:
        named = content.get("role_ids")
        if named is not None and not isinstance(named, list):
            yield Problem("its roles are not a list")
        yield from court.roles(texts(named))
