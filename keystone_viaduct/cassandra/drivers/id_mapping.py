"""Namespace ``keystone.identity.id_mapping``: the ids by which Keystone knows what lies in other
directories.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from typing import Any

from keystone.identity.mapping_backends import base
from keystone.identity.mapping_backends.sql import IDMapping
from oslo_db import exception as db_exception

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Fields, Listing, Shape, Unique
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of


def _scope(entity: Dict[str, Any]) -> tuple[str, str]:
    return f"{entity['entity_type']}/{entity['domain_id']}", entity["local_id"]


MAPPING = Shape(
    "id_mapping",
    unique=(Unique("local", lambda fields: [_scope(fields)]),),
    listings=(Listing(ALL, everywhere, width=1), Listing("domain", field_of("domain_id"), width=1)),
)
CODEC = Simple(IDMapping, ("public_id",), "public_id")


def _text(entity: Dict[str, Any]) -> dict[str, Any]:
    """With a local id that is text: some directories give bytes."""
    local = entity["local_id"]
    return {**entity, "local_id": local.decode("utf-8") if isinstance(local, bytes) else local}


class Mapping(Driver, base.MappingDriverBase):  # type: ignore[misc]
    """See the base class."""

    def get_public_id(self, local_entity: Dict[str, Any]) -> str | None:
        """The id by which Keystone knows it, if it does."""
        found = self._records.named(MAPPING, "local", *_scope(_text(local_entity)))
        return None if found is None else found[0]

    def get_domain_mapping_list(self, domain_id: str, entity_type: str | None = None) -> list[Any]:
        """What is known of a domain, as objects."""
        return [
            CODEC.thing(key, fields)
            for key, fields in self._records.list(MAPPING, "domain", domain_id)
            if entity_type is None or fields["entity_type"] == entity_type
        ]

    def get_id_mapping(self, public_id: str) -> dict[str, Any] | None:
        """What is known by that id."""
        ref = self._thing(MAPPING, CODEC, public_id)
        return None if ref is None else dict(ref.to_dict())

    def create_id_mapping(self, local_entity: Dict[str, Any], public_id: str | None = None) -> str | None:
        """Give it an id, or find the one that it has been given meanwhile."""
        if public_id is None:
            public_id = self.id_generator_api.generate_public_ID(dict(local_entity))
        entity = {**_text(local_entity), "public_id": public_id}
        try:
            self._create(MAPPING, str(public_id), CODEC.fields(IDMapping.from_dict(entity)))
        except db_exception.DBDuplicateEntry:
            return self.get_public_id(local_entity)
        return public_id

    def delete_id_mapping(self, public_id: str) -> None:
        """Forget an id; nothing happens where it is not known."""
        self._change(MAPPING, public_id, lambda _: None)

    def purge_mappings(self, purge_filter: Dict[str, Any]) -> None:
        """Forget all ids that match."""
        wanted = _text(purge_filter) if "local_id" in purge_filter else dict(purge_filter)
        public_id = wanted.pop("public_id", None)
        for key in [public_id] if public_id is not None else [key for key, _ in self._purgeable(wanted)]:
            self._change(MAPPING, key, lambda before: before if before and not _has(before, wanted) else None)

    def _purgeable(self, wanted: Dict[str, Any]) -> Iterator[tuple[str, Fields]]:
        place = ("domain", wanted["domain_id"]) if "domain_id" in wanted else (ALL, "")
        return self._records.list(MAPPING, *place)


def _has(fields: Fields, wanted: Dict[str, Any]) -> bool:
    return all(fields.get(name) == value for name, value in wanted.items())
