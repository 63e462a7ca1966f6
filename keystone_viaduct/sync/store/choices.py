"""What an operator has chosen for a site that joins, behind :class:`keystone_viaduct.sync.ports.Bookkeeping`.

Before ``viaduct init`` there is no site to open a transaction for, so the functions take a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part


def read_choices(connection: Any, site: str) -> dict[Ref, str]:
    """What was chosen for that site and is not used up."""
    rows = connection.execute(q.CHOICES, {"p_site": site})
    return {Ref(row.kind, row.key): row.choice for row in rows}


def write_choices(connection: Any, site: str, choices: Mapping[Ref, str]) -> None:
    """Replace it."""
    connection.execute(q.DELETE_CHOICES, {"p_site": site})
    if choices:
        connection.execute(
            q.INSERT_CHOICES,
            [
                {"site": site, "kind": ref.kind, "key": ref.key, "choice": choice}
                for ref, choice in choices.items()
            ],
        )


class ChoicesPart(Part):
    """As a part of a transaction."""

    def choices(self, site: str) -> Mapping[Ref, str]:
        """What was chosen for that site and is not used up, by record: hub, site or both."""
        return read_choices(self.connection, site)

    def save_choices(self, site: str, choices: Mapping[Ref, str]) -> None:
        """Replace it."""
        write_choices(self.connection, site, choices)
