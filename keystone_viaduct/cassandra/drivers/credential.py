"""Namespace ``keystone.credential``: what users authenticate with elsewhere, encrypted by the manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystone import exception
from keystone.common import driver_hints, sql
from keystone.credential.backends import base
from keystone.credential.backends.sql import CredentialModel

from keystone_viaduct.cassandra.drivers.base import Driver, Filters, limited
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Listing, Shape
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

CREDENTIAL = Shape(
    "credential",
    listings=(
        Listing(ALL, everywhere, width=1),
        Listing("user", field_of("user_id")),
        Listing("project", field_of("project_id")),
    ),
)
CODEC = Simple(CredentialModel)


class Credential(Driver, base.CredentialDriverBase):  # type: ignore[misc]
    """See the base class."""

    @sql.handle_conflicts(conflict_type="credential")  # type: ignore[untyped-decorator]
    def create_credential(self, credential_id: str, credential: Mapping[str, Any]) -> dict[str, Any]:
        """Make a credential."""
        ref = CredentialModel.from_dict(credential)
        self._create(CREDENTIAL, credential_id, CODEC.fields(ref))
        return dict(ref.to_dict())

    @driver_hints.truncated  # type: ignore[untyped-decorator]
    def list_credentials(self, hints: Any) -> list[dict[str, Any]]:
        """Credentials that match."""
        filters = Filters(hints, CODEC.columns.filterable(CredentialModel.attributes))
        user, project = filters.exact("user_id"), filters.exact("project_id")
        place = ("user", user) if user else ("project", project) if project else (ALL, "")
        found = self._found(CREDENTIAL, CODEC, filters, *place)
        return [ref.to_dict() for ref in limited(hints, filter(filters.matches, found))]

    def list_credentials_for_user(self, user_id: str, type: str | None = None) -> list[dict[str, Any]]:
        """The credentials of a user, of one type or of all."""
        found = [CODEC.thing(*each) for each in self._records.list(CREDENTIAL, "user", user_id)]
        return [ref.to_dict() for ref in found if not type or ref.type == type]

    def get_credential(self, credential_id: str) -> dict[str, Any]:
        """A credential."""
        ref = self._thing(CREDENTIAL, CODEC, credential_id)
        if ref is None:
            raise exception.CredentialNotFound(credential_id=credential_id)
        return dict(ref.to_dict())

    @sql.handle_conflicts(conflict_type="credential")  # type: ignore[untyped-decorator]
    def update_credential(self, credential_id: str, credential: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``credential`` names."""

        def alter(ref: Any) -> None:
            new = CredentialModel.from_dict({**ref.to_dict(), **credential})
            for name in (*CredentialModel.attributes, "extra"):
                if name != "id":
                    setattr(ref, name, getattr(new, name))

        missing = exception.CredentialNotFound(credential_id=credential_id)
        return dict(self._update(CREDENTIAL, CODEC, credential_id, alter, missing).to_dict())

    def delete_credential(self, credential_id: str) -> None:
        """Delete a credential."""
        self._delete(CREDENTIAL, credential_id, exception.CredentialNotFound(credential_id=credential_id))

    def delete_credentials_for_project(self, project_id: str) -> None:
        """Delete those that are for a project."""
        self._clear("project", project_id)

    def delete_credentials_for_user(self, user_id: str) -> None:
        """Delete those of a user."""
        self._clear("user", user_id)

    def _clear(self, path: str, target: str) -> None:
        """Delete what is listed there and belongs there still, one by one: an interrupted one is done
        again.
        """
        for key, _fields in self._records.list(CREDENTIAL, path, target):
            self._change(
                CREDENTIAL,
                key,
                lambda before: None if before is None or before[f"{path}_id"] == target else before,
            )
