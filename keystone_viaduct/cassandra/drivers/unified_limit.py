"""Namespace ``keystone.unified_limit``: registered limits, and those of single projects and domains.

A limit needs its registered limit, which can be neither changed nor deleted while limits refer to it. Who
makes a limit looks at the registered one again, and who changes that one looks again for limits; whoever
finds that he was too late takes back what he did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keystone import exception
from keystone.common import driver_hints, sql
from keystone.limit.backends import base
from keystone.limit.backends import sql as model

from keystone_viaduct.cassandra.drivers.base import Driver, Filters, limited
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Fields, Listing, Shape, Unique
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

NAMED = ("service_id", "region_id", "resource_name")


def _name(values: Mapping[str, Any]) -> tuple[str, str]:
    """What one registered limit at most is for."""
    return "", json.dumps([values.get(name) for name in NAMED])


def _target(fields: Fields) -> tuple[str, str]:
    """What has one limit at most of a registered one."""
    of = "project_id" if fields["project_id"] else "domain_id"
    return fields["registered_limit_id"], f"{of}/{fields[of]}"


REGISTERED = Shape(
    "registered_limit",
    unique=(Unique("resource", lambda fields: [_name(fields)]),),
    listings=(Listing(ALL, everywhere), Listing("service", field_of("service_id"))),
)
LIMIT = Shape(
    "unified_limit",
    unique=(Unique("target", lambda fields: [_target(fields)]),),
    listings=(
        Listing(ALL, everywhere, width=1),
        Listing("registered", field_of("registered_limit_id"), width=1),
        Listing("project", field_of("project_id")),
        Listing("domain", field_of("domain_id")),
    ),
)
"""Limits; ``limit`` is a word of CQL's."""
HIDDEN = ("id", "internal_id")
REGISTERED_LIMITS, LIMITS = Simple(model.RegisteredLimitModel, HIDDEN), Simple(model.LimitModel, HIDDEN)


class UnifiedLimit(Driver, base.UnifiedLimitDriverBase):  # type: ignore[misc]
    """See the base class."""

    @sql.handle_conflicts(conflict_type="registered_limit")  # type: ignore[untyped-decorator]
    def create_registered_limits(
        self, registered_limits: Iterable[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Make registered limits, all or none."""
        refs = [model.RegisteredLimitModel.from_dict(each) for each in registered_limits]
        self._create_all(REGISTERED, {ref.id: REGISTERED_LIMITS.fields(ref) for ref in refs})
        return [ref.to_dict() for ref in refs]

    def _create_all(self, shape: Shape, made: Mapping[str, Fields]) -> None:
        """Make some records; where one can't be, take back those that were made."""
        done: list[str] = []
        try:
            for key, fields in made.items():
                self._create(shape, key, fields)
                done.append(key)
        except Exception:
            self._take_back(shape, {key: made[key] for key in done})
            raise

    def _take_back(self, shape: Shape, made: Mapping[str, Fields]) -> None:
        for key, fields in made.items():
            self._change(shape, key, lambda before, fields=fields: None if before == fields else before)  # type: ignore[misc]

    @sql.handle_conflicts(conflict_type="registered_limit")  # type: ignore[untyped-decorator]
    def update_registered_limit(
        self, registered_limit_id: str, registered_limit: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Change what ``registered_limit`` names, unless limits refer to it."""
        former: list[Fields] = []

        def alter(ref: Any) -> None:
            former[:] = [REGISTERED_LIMITS.fields(ref)]
            new = model.RegisteredLimitModel.from_dict({**ref.to_dict(), **registered_limit})
            for name in registered_limit:
                if name != "id":
                    setattr(ref, name, getattr(new, name))

        missing = exception.RegisteredLimitNotFound(id=registered_limit_id)
        if self._records.get(REGISTERED, registered_limit_id) is None:
            raise missing
        refused = exception.RegisteredLimitError(id=registered_limit_id)
        if self._is_referred(registered_limit_id):
            raise refused
        ref = self._update(REGISTERED, REGISTERED_LIMITS, registered_limit_id, alter, missing)
        if self._is_referred(registered_limit_id):
            now = REGISTERED_LIMITS.fields(ref)
            self._change(
                REGISTERED, registered_limit_id, lambda before: former[0] if before == now else before
            )
            raise refused
        return dict(ref.to_dict())

    def _is_referred(self, registered_limit_id: str) -> bool:
        return next(self._records.list(LIMIT, "registered", registered_limit_id), None) is not None

    @driver_hints.truncated  # type: ignore[untyped-decorator]
    def list_registered_limits(self, hints: Any) -> list[dict[str, Any]]:
        """Registered limits that match."""
        attributes = REGISTERED_LIMITS.columns.filterable(model.RegisteredLimitModel.attributes)
        filters = Filters(hints, attributes)
        service = filters.exact("service_id")
        place = ("service", service) if service else (ALL, "")
        found = self._list(REGISTERED, REGISTERED_LIMITS, hints, filters, *place)
        return [ref.to_dict() for ref in found]

    def get_registered_limit(self, registered_limit_id: str) -> dict[str, Any]:
        """A registered limit."""
        ref = self._thing(REGISTERED, REGISTERED_LIMITS, registered_limit_id)
        if ref is None:
            raise exception.RegisteredLimitNotFound(id=registered_limit_id)
        return dict(ref.to_dict())

    def delete_registered_limit(self, registered_limit_id: str) -> None:
        """Delete a registered limit, unless limits refer to it."""
        self._delete_unless(
            REGISTERED,
            registered_limit_id,
            exception.RegisteredLimitNotFound(id=registered_limit_id),
            lambda: self._is_referred(registered_limit_id),
            exception.RegisteredLimitError(id=registered_limit_id),
        )

    @sql.handle_conflicts(conflict_type="limit")  # type: ignore[untyped-decorator]
    def create_limits(self, limits: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Make limits, all or none; the registered ones are looked at again when they are there."""
        refs = [self._limit(each) for each in limits]
        made = {ref.id: LIMITS.fields(ref) for ref in refs}
        self._create_all(LIMIT, made)
        for ref in refs:
            fields = self._records.get_latest(REGISTERED, ref.registered_limit_id)
            if fields is None or _name(fields) != _name(ref.to_dict()):
                self._take_back(LIMIT, made)
                raise exception.NoLimitReference()
        return [ref.to_dict() for ref in refs]

    def _limit(self, limit: Mapping[str, Any]) -> Any:
        """A new limit, with its registered one."""
        found = self._records.named(REGISTERED, "resource", *_name(limit))
        if found is None:
            raise exception.NoLimitReference()
        ref = model.LimitModel.from_dict({name: limit[name] for name in limit if name not in NAMED})
        ref.registered_limit_id, ref.registered_limit = found[0], REGISTERED_LIMITS.thing(*found)
        return ref

    @sql.handle_conflicts(conflict_type="limit")  # type: ignore[untyped-decorator]
    def update_limit(self, limit_id: str, limit: Mapping[str, Any]) -> dict[str, Any]:
        """Change how much it is and what is said of it; as upstream, what is empty stays."""
        changed = {name: limit[name] for name in ("resource_limit", "description") if limit.get(name)}

        def decide(before: Fields | None) -> Fields:
            if before is None:
                raise exception.LimitNotFound(id=limit_id)
            return {**before, **changed}

        self._change(LIMIT, limit_id, decide)
        return self.get_limit(limit_id)

    @driver_hints.truncated  # type: ignore[untyped-decorator]
    def list_limits(self, hints: Any) -> list[dict[str, Any]]:
        """Limits that match, by what their registered limits say too."""
        attributes = {
            **REGISTERED_LIMITS.columns.filterable(NAMED),
            **LIMITS.columns.filterable(model.LimitModel.attributes),
        }
        filters = Filters(hints, attributes)
        named = {
            path: filters.exact(f"{path}_id") for path in ("project", "domain") if filters.exact(f"{path}_id")
        }
        path, target = next(iter(named.items()), (ALL, ""))
        listed = () if filters.impossible else self._records.list(LIMIT, path, target)
        return [
            ref.to_dict() for ref in limited(hints, filter(filters.matches, self._with_registered(listed)))
        ]

    def _with_registered(self, listed: Iterable[tuple[str, Fields]]) -> Iterator[Any]:
        """Limits as objects, each with its registered one, which is read once."""
        known: dict[str, Any] = {}
        for key, fields in listed:
            of = fields["registered_limit_id"]
            if of not in known:
                known[of] = self._thing(REGISTERED, REGISTERED_LIMITS, of)
            if known[of] is not None:
                ref = LIMITS.thing(key, fields)
                ref.registered_limit = known[of]
                yield ref

    def get_limit(self, limit_id: str) -> dict[str, Any]:
        """A limit."""
        fields = self._records.get(LIMIT, limit_id)
        for ref in self._with_registered([] if fields is None else [(limit_id, fields)]):
            return dict(ref.to_dict())
        raise exception.LimitNotFound(id=limit_id)

    def delete_limit(self, limit_id: str) -> None:
        """Delete a limit."""
        self._delete(LIMIT, limit_id, exception.LimitNotFound(id=limit_id))

    def delete_limits_for_project(self, project_id: str) -> list[str]:
        """Delete the limits of a project; their ids."""
        keys = [key for key, _fields in self._records.list(LIMIT, "project", project_id)]
        for key in keys:
            self._change(LIMIT, key, lambda _: None)
        return keys
