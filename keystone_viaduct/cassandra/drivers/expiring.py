"""Memberships that an identity provider has told of, and that count for some time after it has last done
so.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import quote, unquote

import keystone.conf
from keystone import exception
from keystone.common import provider_api
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.drivers.graph import EPOCH
from keystone_viaduct.cassandra.records import Fields, Listing, Shape

CONF = keystone.conf.CONF
CONFIRMED = "confirmed"
"""The kind of notes that say when a membership was last confirmed; key: user, group and provider."""


class Expiring(NamedTuple):
    """A membership: of a group, as an identity provider says."""

    group: str
    idp: str

    @property
    def field(self) -> str:
        """Its name in the user's record."""
        return f"{quote(self.group, safe='')}/{quote(self.idp, safe='')}"


def parse(field: str) -> Expiring:
    """The membership of a field."""
    return Expiring(*(unquote(part) for part in field.split("/")))


EXPIRING = Shape(
    "expiring",
    listings=(
        Listing("group", lambda fields: {parse(name).group for name in fields}, width=1),
        Listing("idp", lambda fields: {parse(name).idp for name in fields}, width=1),
    ),
)
"""Key: the user; a field for each membership, with the time at which it was made."""


def _now() -> int:
    return int((timeutils.utcnow() - EPOCH) / datetime.timedelta(microseconds=1))


class ExpiringMemberships(Driver):
    """What the drivers of identity and of shadow users share."""

    def _unexpired(self, user_id: str) -> dict[str, datetime.datetime]:
        """Group to the time until which a user is in it."""
        fields = self._records.get(EXPIRING, user_id) or {}
        notes = self._records.noted(CONFIRMED, (f"{user_id}/{name}" for name in fields))
        found: dict[str, datetime.datetime] = {}
        for name in sorted(fields):
            confirmed = max(fields[name], int(notes.get(f"{user_id}/{name}", 0)))
            until = self._until(parse(name).idp, confirmed)
            if until is not None and until > timeutils.utcnow():
                found[parse(name).group] = until
        return found

    def _until(self, idp_id: str, confirmed: int) -> datetime.datetime | None:
        """None: the provider is gone, and with it what it said."""
        try:
            idp = provider_api.ProviderAPIs.federation_api.get_idp(idp_id)
        except exception.IdentityProviderNotFound:
            return None
        minutes = idp["authorization_ttl"] or CONF.federation.default_authorization_ttl
        return EPOCH + datetime.timedelta(microseconds=confirmed) + datetime.timedelta(minutes=minutes)

    def _confirm(self, user_id: str, membership: Expiring) -> bool:
        """Make a membership, or note that it was confirmed; whether it is new."""
        if membership.field in (self._records.get(EXPIRING, user_id) or {}):
            self._records.note(CONFIRMED, f"{user_id}/{membership.field}", str(_now()))
            return False

        def decide(before: Fields | None) -> Fields:
            return {**(before or {}), membership.field: _now()}

        self._change(EXPIRING, user_id, decide)
        return True

    def _end(
        self, user_id: str, *, idp: str | None = None, group: str | None = None, kept: Collection[str] = ()
    ) -> list[str]:
        """End memberships of a user, of these where they are named; the groups."""
        ended: list[str] = []

        def decide(before: Fields | None) -> Fields | None:
            going = {
                name: parse(name).group
                for name in before or ()
                if idp in (None, parse(name).idp)
                and group in (None, parse(name).group)
                and parse(name).group not in kept
            }
            ended[:] = going.values()
            return {name: value for name, value in (before or {}).items() if name not in going} or None

        self._change(EXPIRING, user_id, decide)
        return ended

    def _end_all_in(self, group_id: str) -> None:
        for user_id, _fields in self._records.list(EXPIRING, "group", group_id):
            self._end(user_id, group=group_id)

    def _end_all_of(self, idp_id: str) -> None:
        for user_id, _fields in self._records.list(EXPIRING, "idp", idp_id):
            self._end(user_id, idp=idp_id)
