"""The one registry of checks: name, what it asks, and what it looks at.

``docs/reference/checks.md`` has a section for each name; alerts and the dashboard link to it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    """Where a check looks: at one site's database and configuration, at a Keystone's data in Cassandra, or at
    what sites tell by their API.
    """

    SITE = "site"
    CASSANDRA = "cassandra"
    FLEET = "fleet"


class Check(NamedTuple):
    """One check; ``question`` is answered by its findings."""

    name: str
    scope: Scope
    question: str


def name_of(check: Callable[..., object]) -> str:
    """The name in the catalogue of a function that checks."""
    return check.__name__.removeprefix("check_")


CATALOGUE = {
    check.name: check
    for check in (
        Check("keystone", Scope.SITE, "Is this a release of Keystone that we know?"),
        Check("database", Scope.SITE, "Can our transactions run as they must?"),
        Check("pooler", Scope.SITE, "Do the options that are set once for a session hold?"),
        Check("tables", Scope.SITE, "Are our tables there and of this release?"),
        Check("keys", Scope.SITE, "Are the site's keys there, private, and the right ones?"),
        Check("site", Scope.SITE, "Does the database know who it is?"),
        Check("delegations", Scope.SITE, "May a limited site do more than its operator may have meant?"),
        Check("capture", Scope.SITE, "Does every change leave its mark?"),
        Check("drivers", Scope.SITE, "Which domains have users and groups without rows?"),
        Check("marks", Scope.SITE, "Is the feed being read?"),
        Check("heard", Scope.SITE, "Does another site read what is changed here?"),
        Check("orphans", Scope.SITE, "Does everything that a row needs exist?"),
        Check("circles", Scope.SITE, "Does a record lie below itself?"),
        Check("travel", Scope.SITE, "Before it joins: are there records that could not travel?"),
        Check("waiting", Scope.SITE, "Which records wait here, and why?"),
        Check("cache", Scope.SITE, "Can an applied change empty what other workers have cached?"),
        Check("keyspace", Scope.CASSANDRA, "Is Keystone's keyspace there, and may this release work in it?"),
        Check("copies", Scope.CASSANDRA, "Does Keystone go on when a node is lost?"),
        Check("paxos", Scope.CASSANDRA, "Are the nodes set up for lightweight transactions?"),
        Check("timeouts", Scope.CASSANDRA, "Does Keystone wait as long as a node does?"),
        Check("clock", Scope.CASSANDRA, "Do the clocks of this machine and of a node agree?"),
        Check("agent", Scope.FLEET, "Does an agent work?"),
        Check("reach", Scope.FLEET, "Does each site answer?"),
        Check("hub", Scope.FLEET, "Do all sites take the same one for the hub?"),
        Check("joined", Scope.FLEET, "Has each site joined?"),
        Check("restored", Scope.FLEET, "Was a site put back to a backup of late?"),
        Check("link", Scope.FLEET, "Does each link carry changes?"),
        Check("lag", Scope.FLEET, "Is each site up to date?"),
        Check("backlog", Scope.FLEET, "Which records wait, at which site?"),
        Check("conflicts", Scope.FLEET, "Do conflicts wait for a decision?"),
        Check("differences", Scope.FLEET, "Do the sites have the same records?"),
        Check("rotation", Scope.FLEET, "Has every site the present keys of tokens?"),
        Check("upkeep", Scope.FLEET, "Was each site looked at of late?"),
        Check("releases", Scope.FLEET, "Do the releases of Viaduct fit together?"),
    )
}
