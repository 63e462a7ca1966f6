"""What the hub keeps of what it refuses: each refusal once, and no more than an operator can look at.

A limited site may show the same refused edit with every page, or another one each time. Equal ones are one
row of the list of conflicts. Of those that nobody has looked at a limited site may have so many; beyond that
its pages with more of them are refused as a whole, which costs no other site anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from keystone_viaduct.errors import Refused
from keystone_viaduct.kinds.raw import same_documents
from keystone_viaduct.sync.model import REFUSED, Conflict, Ref
from keystone_viaduct.sync.site.applying import Applying

#: Refusals of one limited site that nobody has looked at, and the bytes of what they keep.
MOST_REFUSED, MOST_REFUSED_BYTES = 10_000, 64 * 1024 * 1024
#: So many of a page's records are compared with, the latest first.
COMPARED = 1000


def unlisted(run: Applying, rows: Sequence[Conflict]) -> list[Conflict]:
    """Those of what was decided that are not on the list yet. Raises Refused beyond the budget."""
    refused = {row.ref: row for row in rows if row.sort == REFUSED}
    if not refused:
        return list(rows)
    known: dict[Ref, list[Conflict]] = {}
    for row in run.tx.listed_refusals(run.page.source, list(refused), COMPARED):
        known.setdefault(row.ref, []).append(row)
    news = [row for row in rows if not any(_equal(row, other) for other in known.get(row.ref, ()))]
    if any(row.sort == REFUSED for row in news):
        _check_budget(run)
    return news


def _equal(row: Conflict, other: Conflict) -> bool:
    """Whether an operator would read the same."""
    if (row.sort, row.explanation, row.fields) != (other.sort, other.explanation, other.fields):
        return False
    return same_documents(row.lost, other.lost)


def _check_budget(run: Applying) -> None:
    source = run.page.source
    if run.state.charter.delegation_of(source).is_full:
        return
    rows, size = run.tx.refused_volume(source)
    if rows >= MOST_REFUSED or size >= MOST_REFUSED_BYTES:
        raise Refused(
            f"{rows} changes of {source} were refused, and nobody has looked at them",
            hint=f"`viaduct conflicts list`, then `viaduct conflicts resolve --all-refused {source} --keep`",
            source=source,
        )
