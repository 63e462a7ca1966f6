"""How users go: by themselves, or with the identity provider by which alone they came.

What hangs on a user goes first, so that a client that dies leaves nothing over, and again afterwards, for
what was being written meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keystone.conf
from keystone import exception
from keystone.federation.backends import sql as upstream

from keystone_viaduct.cassandra.drivers.expiring import ExpiringMemberships
from keystone_viaduct.cassandra.drivers.people import LOCKOUT, MEMBERSHIP, USER
from keystone_viaduct.cassandra.drivers.providers import PROTOCOLS
from keystone_viaduct.cassandra.records import Fields
from keystone_viaduct.drivers.chosen import CASSANDRA

CONF = keystone.conf.CONF
ORPHANS_GO = hasattr(upstream.Federation, "_delete_orphaned_users")
"""Whether a user goes with the last of the providers that knew him, as from Keystone 30 on."""


class Removal(ExpiringMemberships):
    """What the drivers of identity, shadow users and federation share."""

    def _remove_user(self, user_id: str) -> None:
        if self._records.get(USER, user_id) is None:
            raise exception.UserNotFound(user_id=user_id)
        self._change(MEMBERSHIP, user_id, lambda _: None)
        self._delete(USER, user_id, exception.UserNotFound(user_id=user_id))
        self._clear_after(user_id)

    def _clear_after(self, user_id: str) -> None:
        self._change(MEMBERSHIP, user_id, lambda _: None)
        self._change(LOCKOUT, user_id, lambda _: None)
        self._end(user_id)

    def _remove_sides(self, idp_id: str, protocol_id: str | None = None) -> None:
        """Let nobody log in by a provider any more (by one of its protocols, where it is named)."""
        for user_id, fields in self._records.list(USER, "idp", idp_id):
            self._remove_side(user_id, fields, idp_id, protocol_id)

    def _remove_side(self, user_id: str, fields: Fields, idp_id: str, protocol_id: str | None) -> None:
        def without(before: Fields | None) -> Fields | None:
            sides = (before or {}).get("federated", ())
            kept = [
                one
                for one in sides
                if one["idp_id"] != idp_id or protocol_id not in (None, one["protocol_id"])
            ]
            if before is None or len(kept) == len(sides):
                return before
            rest = {name: value for name, value in before.items() if name != "federated"}
            if kept:
                return {**rest, "federated": kept}
            return None if ORPHANS_GO and not {"local", "nonlocal"} & rest.keys() else rest

        if without(fields) is None:
            self._change(MEMBERSHIP, user_id, lambda _: None)
        if self._change(USER, user_id, without) is None:
            self._clear_after(user_id)

    def _confirm_side(self, user_id: str, side: Mapping[str, Any]) -> None:
        """Look again at the protocol by which a user logs in; where it is gone, take that back.

        Protocols that another driver has are not known here.
        """
        if CONF.federation.driver != CASSANDRA:
            return
        idp_id, protocol_id = side["idp_id"], side["protocol_id"]
        if protocol_id in (self._records.get_latest(PROTOCOLS, idp_id) or {}):
            return
        fields = self._records.get_latest(USER, user_id)
        if fields is not None:
            self._remove_side(user_id, fields, idp_id, protocol_id)
        raise exception.FederatedProtocolNotFound(idp_id=idp_id, protocol_id=protocol_id)
