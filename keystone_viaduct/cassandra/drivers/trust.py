"""Namespace ``keystone.trust``: trusts, with the roles that they hand on.

A trust that is deleted stays, marked so, and keeps its place among those that may not occur twice, until it
is flushed; one that has expired stays readable to who asks for deleted ones.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keystone import exception
from keystone.common import sql
from keystone.trust.backends import base
from keystone.trust.backends.sql import TrustModel
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Fields, Listing, Shape, Unique
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of


def _between(fields: Fields) -> Iterator[tuple[str, str]]:
    """What may not occur twice; as in SQL, not where there is no project, or no end."""
    if fields["project_id"] is not None and fields["_expires_at"] is not None:
        trustee, kind = fields["trustee_user_id"], "impersonating" if fields["impersonation"] else "itself"
        yield (
            f"{fields['trustor_user_id']}/{trustee}/{fields['project_id']}",
            f"{kind}/{fields['_expires_at']}",
        )


TRUST = Shape(
    "trust",
    unique=(Unique("between", _between),),
    listings=(
        Listing(ALL, everywhere, width=1),
        Listing("trustor", field_of("trustor_user_id")),
        Listing("trustee", field_of("trustee_user_id")),
        Listing("project", field_of("project_id")),
    ),
)
CODEC = Simple(TrustModel)


class Trust(Driver, base.TrustDriverBase):  # type: ignore[misc]
    """See the base class."""

    @sql.handle_conflicts(conflict_type="trust")  # type: ignore[untyped-decorator]
    def create_trust(
        self, trust_id: str, trust: Mapping[str, Any], roles: Iterable[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Make a trust."""
        ref = TrustModel.from_dict(trust)
        ref.id = trust_id
        if ref.expires_at is not None and ref.expires_at.tzinfo is not None:
            ref.expires_at = timeutils.normalize_time(ref.expires_at)
        fields = {**CODEC.fields(ref), "roles": [role["id"] for role in roles]}
        self._create(TRUST, trust_id, fields)
        return {**ref.to_dict(), "roles": _roles(fields)}

    def consume_use(self, trust_id: str) -> None:
        """Count one use of a trust, exactly once; raise where there is none left."""

        def decide(before: Fields | None) -> Fields:
            if before is None or before["deleted_at"] is not None:
                raise exception.TrustNotFound(trust_id=trust_id)
            left = before["remaining_uses"]
            if left is None:
                return before
            if left <= 0:
                raise exception.TrustUseLimitReached(trust_id=trust_id)
            return {**before, "remaining_uses": left - 1}

        self._change(TRUST, trust_id, decide)

    def get_trust(self, trust_id: str, deleted: bool = False) -> dict[str, Any]:
        """A trust that can be used; ``deleted``: any."""
        fields = self._records.get(TRUST, trust_id)
        if fields is None:
            raise exception.TrustNotFound(trust_id=trust_id)
        ref = CODEC.thing(trust_id, fields)
        if not (deleted or _is_usable(ref)):
            raise exception.TrustNotFound(trust_id=trust_id)
        return {**ref.to_dict(), "roles": _roles(fields)}

    def list_trusts(self) -> list[dict[str, Any]]:
        """All that are not deleted."""
        return [ref.to_dict() for ref in self._listed(ALL)]

    def list_trusts_for_trustee(self, trustee_user_id: str) -> list[dict[str, Any]]:
        """Those for a user."""
        return [ref.to_dict() for ref in self._listed("trustee", trustee_user_id)]

    def list_trusts_for_trustor(
        self, trustor_user_id: str, redelegated_trust_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Those of a user; of these, where it is named, those made of another trust."""
        return [
            ref.to_dict()
            for ref in self._listed("trustor", trustor_user_id)
            if redelegated_trust_id in (None, "", ref.redelegated_trust_id)
        ]

    def _listed(self, path: str, target: str = "") -> Iterator[Any]:
        for key, fields in self._records.list(TRUST, path, target):
            if fields["deleted_at"] is None:
                yield CODEC.thing(key, fields)

    @sql.handle_conflicts(conflict_type="trust")  # type: ignore[untyped-decorator]
    def delete_trust(self, trust_id: str) -> None:
        """Mark a trust as deleted."""
        self._mark(trust_id, exception.TrustNotFound(trust_id=trust_id))

    def _mark(self, trust_id: str, missing: Exception | None = None, project_id: str | None = None) -> None:
        """Mark it; of a project, where it is named, and only if it is there, unless ``missing`` is given."""
        now = timeutils.utcnow()

        def decide(before: Fields | None) -> Fields | None:
            if before is None and missing is not None:
                raise missing
            if before is None or project_id not in (None, before["project_id"]):
                return before
            return {**before, **CODEC.columns.values(_deleted(trust_id, before, now))}

        self._change(TRUST, trust_id, decide)

    def delete_trusts_for_project(self, project_id: str) -> None:
        """Mark those for a project as deleted, one by one: an interrupted one is done again."""
        for trust_id, _fields in self._records.list(TRUST, "project", project_id):
            self._mark(trust_id, project_id=project_id)

    def flush_expired_and_soft_deleted_trusts(
        self,
        project_id: str | None = None,
        trustor_user_id: str | None = None,
        trustee_user_id: str | None = None,
        date: datetime.datetime | None = None,
    ) -> None:
        """Delete for good those that are marked or had expired at ``date``, and match all that is given."""
        wanted = {"project": project_id, "trustor": trustor_user_id, "trustee": trustee_user_id}
        named = {path: target for path, target in wanted.items() if target}
        path, target = next(iter(named.items()), (ALL, ""))

        def decide(before: Fields | None) -> Fields | None:
            return None if before is None or _is_flushed(before, named, date) else before

        for trust_id, fields in self._records.list(TRUST, path, target):
            if _is_flushed(fields, named, date):
                self._change(TRUST, trust_id, decide)


def _roles(fields: Fields) -> list[dict[str, str]]:
    return [{"id": role_id} for role_id in fields["roles"]]


def _deleted(trust_id: str, fields: Fields, now: datetime.datetime) -> Any:
    ref = CODEC.thing(trust_id, fields)
    ref.deleted_at = now
    return ref


def _is_usable(ref: Any) -> bool:
    expired = ref.expires_at is not None and timeutils.utcnow() > ref.expires_at
    return ref.deleted_at is None and not expired and (ref.remaining_uses is None or ref.remaining_uses > 0)


def _is_flushed(fields: Fields, named: Mapping[str, str], date: datetime.datetime | None) -> bool:
    if any(target not in TRUST.listing(path).targets(fields) for path, target in named.items()):
        return False
    ref = CODEC.thing("", fields)
    return ref.deleted_at is not None or (ref.expires_at is not None and ref.expires_at < date)
