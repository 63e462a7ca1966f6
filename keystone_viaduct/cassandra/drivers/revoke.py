"""Namespace ``keystone.revoke``: revocation events.

An event lies at the most particular thing that it names, where the check of a token looks for it: so a check
reads some small partitions, however many events there are. It lies in the hour of its making too, for who
asks for all. It goes by itself when no token can be left that it speaks of.
"""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import keystone.conf
from keystone.models import revoke_model
from keystone.revoke.backends import base
from keystone.revoke.backends.sql import RevocationEvent
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.drivers.graph import EPOCH, Columns
from keystone_viaduct.cassandra.records.ports import Event

CONF = keystone.conf.CONF
KIND = "revocation"
COLUMNS = Columns(RevocationEvent)
BY = ("audit_id", "audit_chain_id", "trust_id", "user_id", "project_id")
"""What a check asks for, the most particular first."""
EVERYBODY = "*"
SLACK = 60
"""Seconds that events stay longer, for clocks that differ."""
HOUR = datetime.timedelta(hours=1)
MICROSECONDS_AN_HOUR = HOUR // datetime.timedelta(microseconds=1)


class Revoke(Driver, base.RevokeDriverBase):  # type: ignore[misc]
    """See the base class."""

    def list_events(self, last_fetch: Any = None, token: Mapping[str, Any] | None = None) -> list[Any]:
        """Events that may concern a token; without one all, or those made since ``last_fetch``."""
        if token:
            return self._of_token(token)
        cutoff = base.revoked_before_cutoff_time()
        found = self._events(_hours(max(cutoff, last_fetch) if last_fetch else cutoff), 0)
        made = (each for each in found if not last_fetch or each.revoked_at > last_fetch)
        return sorted(made, key=lambda each: each.revoked_at)

    def _of_token(self, token: Mapping[str, Any]) -> list[Any]:
        """Those that name, of what a check asks for, what the token has, or nothing."""
        users = {token["user_id"], token["trustor_id"], token["trustee_id"]}
        has = {name: users if name == "user_id" else {token.get(name)} for name in BY}
        places = [f"{name}/{value}" for name in BY for value in sorted(filter(None, has[name]))]
        found = self._events([*places, EVERYBODY], _microseconds(token["issued_at"]))
        return [
            each
            for each in found
            if all(getattr(each, name) in (None, *filter(None, has[name])) for name in BY)
        ]

    def _events(self, places: Iterable[str], since: int) -> list[Any]:
        """Events that lie there, but those that speak of no token that is left."""
        cutoff = base.revoked_before_cutoff_time()
        found = (
            revoke_model.RevokeEvent(**COLUMNS.make(json.loads(each.value)).to_dict())
            for each in self._records.events(KIND, places, since)
        )
        return [each for each in found if each.revoked_at >= cutoff]

    def revoke(self, event: Any) -> None:
        """Add an event."""
        ref = RevocationEvent(**{name: getattr(event, name) for name in revoke_model.REVOKE_KEYS})
        place = next((f"{name}/{getattr(ref, name)}" for name in BY if getattr(ref, name)), EVERYBODY)
        value, name = json.dumps(COLUMNS.values(ref), sort_keys=True), secrets.token_hex(8)
        made = _microseconds(ref.revoked_at)
        self._records.add_events(
            KIND,
            [
                Event(place, _microseconds(ref.issued_before), name, value),
                Event(_hour(ref.revoked_at), made, name, value),
            ],
            CONF.token.expiration + CONF.revoke.expiration_buffer + SLACK,
        )


def _microseconds(time: datetime.datetime) -> int:
    return int((timeutils.normalize_time(time) - EPOCH) / datetime.timedelta(microseconds=1))


def _hour(time: datetime.datetime) -> str:
    return f"hour/{int((time - EPOCH) / HOUR)}"


def _hours(since: datetime.datetime) -> list[str]:
    """The hours since then, and one on either side, for clocks that differ."""
    first, last = int((since - EPOCH) / HOUR) - 1, int((timeutils.utcnow() - EPOCH) / HOUR) + 1
    return [f"hour/{number}" for number in range(first, last + 1)]
