"""Conflict policies, one file each; ``choose`` picks the winner where both sides changed the same thing."""

from __future__ import annotations

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.site.conflicts import hold, hub, latest, spoke
from keystone_viaduct.sync.site.conflicts.choice import Choice, Contest

__all__ = ["Choice", "Contest", "choose"]


def choose(policy: str, contest: Contest) -> Choice:
    """Decide a contest by ``hub``, ``latest``, ``hold`` or ``spoke:<site>``."""
    name, _, argument = policy.partition(":")
    if name == "hub":
        return hub.choose(contest)
    if name == "latest":
        return latest.choose(contest)
    if name == "hold":
        return hold.choose(contest)
    if name == "spoke" and argument:
        return spoke.choose(contest, argument)
    raise ConfigError(
        f"unknown conflict policy {policy!r}", hint="use hub, latest, hold or spoke:<site>", policy=policy
    )
