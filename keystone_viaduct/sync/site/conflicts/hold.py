"""Policy ``hold``: converge on the hub's value for the time being; an operator decides."""

from keystone_viaduct.sync.site.conflicts.choice import Choice, Contest


def choose(contest: Contest) -> Choice:
    """The hub's side stays, and the conflict stays open."""
    return Choice(False, f"held for an operator; {contest.source} changed the same concurrently", open=True)
