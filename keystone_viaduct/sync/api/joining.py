"""What an operator has chosen for a site that joins: told by that site, gone by at the hub."""

from __future__ import annotations

from collections.abc import Mapping

from keystone_viaduct.errors import Refused
from keystone_viaduct.sync.api.service import Service, joined, registered
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.store import SqlTransaction


class JoiningService:
    """Reads and takes choices."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def choices(self, site: str) -> Mapping[Ref, str]:
        """What was chosen for a site and is not used up."""
        return self._service.store.read(lambda tx: tx.choices(site))

    def choose(self, site: str, choices: Mapping[Ref, str]) -> Mapping[Ref, str]:
        """At the hub, before the site's first page: take the choices in place of earlier ones.

        Raises Refused, UnknownSite.
        """

        def work(tx: SqlTransaction) -> None:
            state = joined(tx.state())
            if not state.is_hub:
                raise Refused(f"{state.site} is not the hub", hint=f"choose at {state.hub}", hub=state.hub)
            if site == state.site:
                raise Refused(f"{site} is the hub itself", hint="name the site that joins")
            registered(tx, site)
            if tx.checkpoint(site) is not None:
                raise Refused(
                    f"{site} has joined already",
                    hint="change the records themselves, or reverse a decision with `viaduct conflicts`",
                )
            tx.save_choices(site, choices)

        self._service.run(work)
        return choices
