"""Policy ``hub``: what the hub has stays."""

from keystone_viaduct.sync.site.conflicts.choice import Choice, Contest


def choose(contest: Contest) -> Choice:
    """The hub's side wins."""
    return Choice(False, f"the hub is definitive; {contest.source} changed the same concurrently")
