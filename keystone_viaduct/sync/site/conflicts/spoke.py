"""Policy ``spoke:<site>``: one spoke is definitive for this subset."""

from keystone_viaduct.sync.model import site_of
from keystone_viaduct.sync.site.conflicts.choice import Choice, Contest


def choose(contest: Contest, definitive: str) -> Choice:
    """The definitive spoke's edit wins, wherever it stands; between others the hub's side."""
    if contest.source == definitive:
        return Choice(True, f"{definitive} is definitive here")
    if site_of(contest.ours.dot.origin) == definitive:
        return Choice(False, f"{definitive} is definitive here, and the hub already holds its edit")
    return Choice(False, f"{definitive} is definitive here and did not take part; the hub's side stays")
