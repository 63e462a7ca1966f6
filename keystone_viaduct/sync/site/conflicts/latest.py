"""Policy ``latest``: the later stamp wins; equal stamps by the dot, so every site would say the same."""

from keystone_viaduct.sync.site.conflicts.choice import Choice, Contest


def choose(contest: Contest) -> Choice:
    """The side with the higher stamp."""
    incoming = (contest.theirs.stamp, contest.theirs.dot) > (contest.ours.stamp, contest.ours.dot)
    side = contest.source if incoming else "the hub"
    return Choice(incoming, f"the later edit wins: {side}'s")
