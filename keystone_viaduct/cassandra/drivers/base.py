"""What all drivers share: the records of this process, and changes in Keystone's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from oslo_db import exception as db_exception

from keystone_viaduct.cassandra import settings
from keystone_viaduct.cassandra.connection import Connection
from keystone_viaduct.cassandra.records import Fields, NameTaken, Records, Shape
from keystone_viaduct.cassandra.records.hints import Filters, limited, page_size, paged
from keystone_viaduct.drivers import faults
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.errors import OutcomeUnknown, StoreBusy, StoreUnavailable


class Codec(Protocol):
    """From an object of Keystone's to a record, and back."""

    def fields(self, thing: Any) -> dict[str, Any]:
        """The record of an object."""

    def thing(self, key: str, fields: Mapping[str, Any]) -> Any:
        """The object of a record."""


def _configured() -> settings.Settings:
    import keystone.conf

    return settings.settings(keystone.conf.CONF)


def _classify(error: BaseException) -> Fault | None:
    """What records have given up on has been repeated already: Keystone is to answer 503, at once."""
    return Fault.FINAL if isinstance(error, (StoreBusy, StoreUnavailable, OutcomeUnknown)) else None


faults.register("cassandra", _classify)

Chosen = Callable[[Any], bool]


def _any(_thing: Any) -> bool:
    return True


source: Callable[[], Records] = Connection(_configured).records
"""Where drivers get their records. Nothing is connected before the first of them is asked something."""


class Driver:
    """Mixed into each driver, before Keystone's base class."""

    @property
    def _records(self) -> Records:
        return source()

    def _thing(self, shape: Shape, codec: Codec, key: str) -> Any:
        """The object at a key; None where there is none."""
        fields = self._records.get(shape, key)
        return None if fields is None else codec.thing(key, fields)

    def _create(self, shape: Shape, key: str, fields: Fields) -> None:
        """Make a record; DBDuplicateEntry where its key or a name of it is taken."""

        def decide(before: Fields | None) -> Fields:
            if before is not None:
                raise db_exception.DBDuplicateEntry(columns=["id"])
            return fields

        self._change(shape, key, decide)

    def _update(
        self, shape: Shape, codec: Codec, key: str, alter: Callable[[Any], None], missing: Exception
    ) -> Any:
        """Let ``alter`` work on the object at a key; the object as it is then. It may be asked repeatedly."""
        latest: list[Any] = []

        def decide(before: Fields | None) -> Fields:
            if before is None:
                raise missing
            thing = codec.thing(key, before)
            alter(thing)
            latest[:] = [thing]
            return codec.fields(thing)

        self._change(shape, key, decide)
        return latest[0]

    def _delete(self, shape: Shape, key: str, missing: Exception) -> None:
        """Delete the record at a key."""

        def decide(before: Fields | None) -> None:
            if before is None:
                raise missing

        self._change(shape, key, decide)

    def _delete_unless(
        self, shape: Shape, key: str, missing: Exception, referred: Callable[[], bool], refused: Exception
    ) -> None:
        """Delete the record at a key, unless others refer to it: then raise ``refused``.

        Who makes a reference writes it and then looks whether its end is there; so here it is looked again
        after the deletion, and a record that has got a reference meanwhile is put back.
        """
        if self._records.get(shape, key) is None:
            raise missing
        if referred():
            raise refused
        former: list[Fields] = []

        def decide(before: Fields | None) -> None:
            if before is None:
                raise missing
            former[:] = [before]

        self._change(shape, key, decide)
        if referred():
            self._change(shape, key, lambda before: former[0] if before is None else before)
            raise refused

    def _put_part(self, shape: Shape, key: str, part: str) -> bool:
        """Put a field into the record of a list; whether it was not there."""
        added = False

        def decide(before: Fields | None) -> Fields:
            nonlocal added
            added = part not in (before or {})
            return {**(before or {}), part: True}

        self._change(shape, key, decide)
        return added

    def _drop_part(self, shape: Shape, key: str, part: str) -> bool:
        """Take a field out of the record of a list; whether it was there."""
        there = False

        def decide(before: Fields | None) -> Fields | None:
            nonlocal there
            there = part in (before or {})
            return {name: value for name, value in (before or {}).items() if name != part} or None

        self._change(shape, key, decide)
        return there

    def _change(
        self, shape: Shape, key: str, decide: Callable[[Fields | None], Fields | None]
    ) -> Fields | None:
        try:
            return self._records.change(shape, key, decide)
        except NameTaken as taken:
            raise db_exception.DBDuplicateEntry(columns=["name"]) from taken

    def _found(
        self,
        shape: Shape,
        codec: Codec,
        filters: Filters,
        path: str,
        target: str = "",
        *,
        after: str = "",
        limit: int | None = None,
        hinted: str | None = None,
    ) -> Iterator[Any]:
        """Objects listed there, in order of id, that may pass the filters; ``hinted``: what a hint shows."""
        if filters.impossible:
            return
        wanted = filters.may_match(hinted) if hinted else None
        listed = self._records.list(shape, path, target, after=after, limit=limit, wanted=wanted)
        for key, fields in listed:
            yield codec.thing(key, fields)

    def _list(self, shape: Shape, codec: Codec, hints: Any, filters: Filters, *place: str) -> list[Any]:
        """All objects listed there that pass the filters, cut where the hints say so."""
        found = self._found(shape, codec, filters, *place, hinted="name")
        return limited(hints, filter(filters.matches, found))

    def _page(
        self, shape: Shape, codec: Codec, hints: Any, filters: Filters, *place: str, chosen: Chosen = _any
    ) -> list[Any]:
        """A page of objects after the hints' marker, which has to be there; ``chosen``: other conditions."""
        from keystone import exception

        marker = getattr(hints, "marker", None)
        if marker is not None and self._records.get(shape, marker) is None:
            raise exception.MarkerNotFound(marker=marker)
        found = self._found(
            shape, codec, filters, *place, after=marker or "", limit=page_size(hints), hinted="name"
        )
        return paged(hints, (thing for thing in found if filters.matches(thing) and chosen(thing)))


__all__ = ["Codec", "Driver", "Filters", "limited", "source"]
