"""Namespace ``keystone.identity.shadow_users``: users that come from elsewhere, by federation or from
LDAP.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Mapping
from typing import Any

import keystone.conf
from keystone import exception
from keystone.common import provider_api, sql
from keystone.identity.backends import base as identity_base
from keystone.identity.backends import sql_model as model
from keystone.identity.shadow_backends import base
from oslo_db import exception as db_exception
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers.base import Filters, limited
from keystone_viaduct.cassandra.drivers.expiring import Expiring
from keystone_viaduct.cassandra.drivers.graph import Columns
from keystone_viaduct.cassandra.drivers.people import ACTIVITY, USER, USERS
from keystone_viaduct.cassandra.drivers.removal import Removal
from keystone_viaduct.cassandra.records import Fields
from keystone_viaduct.cassandra.records.shape import ALL
from keystone_viaduct.errors import StoreError

LOG = logging.getLogger(__name__)
CONF = keystone.conf.CONF
FEDERATED = Columns(model.FederatedUser, ())
KEYS = ("idp_id", "protocol_id", "unique_id")


class ShadowUsers(Removal, base.ShadowUsersDriverBase):  # type: ignore[misc]
    """See the base class."""

    @sql.handle_conflicts(conflict_type="federated_user")  # type: ignore[untyped-decorator]
    def create_federated_user(
        self, domain_id: str, federated_dict: Mapping[str, Any], email: str | None = None
    ) -> dict[str, Any]:
        """Make a user of what an identity provider says; his id follows from it."""
        entity = {"domain_id": domain_id, "local_id": federated_dict["unique_id"], "entity_type": "user"}
        public_id = provider_api.ProviderAPIs.id_generator_api.generate_public_ID(entity)
        user = {"id": public_id, "domain_id": domain_id, "enabled": True}
        if email:
            user["email"] = email
        ref = model.User.from_dict(user)
        ref.created_at = timeutils.utcnow()
        ref.federated_users.append(model.FederatedUser.from_dict(federated_dict))
        self._create(USER, public_id, USERS.fields(ref))
        self._confirm_side(public_id, federated_dict)
        return dict(identity_base.filter_user(ref.to_dict()))

    @sql.handle_conflicts(conflict_type="federated_user")  # type: ignore[untyped-decorator]
    def create_federated_object(self, fed_dict: Mapping[str, Any]) -> None:
        """Let a user that there is log in by an identity provider."""

        def alter(ref: Any) -> None:
            if any(_keys(each) == _keys(fed_dict) for each in ref.federated_users):
                raise db_exception.DBDuplicateEntry(columns=list(KEYS))
            ref.federated_users.append(model.FederatedUser.from_dict(fed_dict))

        user_id = fed_dict["user_id"]
        self._update(USER, USERS, user_id, alter, exception.UserNotFound(user_id=user_id))
        self._confirm_side(user_id, fed_dict)

    def delete_federated_object(self, user_id: str) -> None:
        """Let a user log in by no identity provider any more."""

        def decide(before: Fields | None) -> Fields | None:
            return before and {name: value for name, value in before.items() if name != "federated"}

        self._change(USER, user_id, decide)

    def get_federated_objects(self, user_id: str) -> list[dict[str, Any]]:
        """By which identity providers a user may log in."""
        ref = self._thing(USER, USERS, user_id)
        sides = [] if ref is None else ref.federated_users
        return list(
            base.federated_objects_to_list(
                [model.FederatedUser(**dict(zip(KEYS, _keys(each), strict=True))).to_dict() for each in sides]
            )
        )

    def get_federated_users(self, hints: Any) -> list[dict[str, Any]]:
        """Users that come by federation and match."""
        wanted = {each["name"]: each["value"] for each in hints.filters if each["name"] in KEYS}
        hints.filters = [each for each in hints.filters if each["name"] not in KEYS]
        named = next((each for each in hints.filters if each["name"] == "name"), None)
        if named is not None:
            wanted["display_name"] = named["value"]
            hints.filters.remove(named)
        filters = Filters(hints, USERS.filterable())
        place = ("idp", wanted["idp_id"]) if "idp_id" in wanted else (ALL, "")
        found = (
            ref
            for ref in self._found(USER, USERS, filters, *place)
            if filters.matches(ref) and any(_has(each, wanted) for each in ref.federated_users)
        )
        return [identity_base.filter_user(ref.to_dict()) for ref in limited(hints, found)]

    def get_federated_user(self, idp_id: str, protocol_id: str, unique_id: str) -> dict[str, Any]:
        """The user that an identity provider calls so."""
        found = self._records.named(USER, "federated", f"{idp_id}/{protocol_id}", unique_id)
        if found is None:
            raise exception.UserNotFound(user_id=unique_id)
        return dict(identity_base.filter_user(USERS.thing(*found).to_dict()))

    def list_federated_users_info(self, hints: Any = None) -> list[dict[str, Any]]:
        """What is known of users that come by federation, one by one for each of their providers."""
        attributes = FEDERATED.filterable(name for name in model.FederatedUser.attributes if name != "id")
        filters = Filters(hints, attributes)
        path, target = ("idp", filters.exact("idp_id")) if filters.exact("idp_id") else (ALL, "")
        users = () if filters.impossible else self._records.list(USER, path, target)
        found = (each for key, fields in users for each in USERS.thing(key, fields).federated_users)
        return [each.to_dict() for each in limited(hints, filter(filters.matches, found))]

    def set_last_active_at(self, user_id: str) -> None:
        """Note that a user is active today. At most one write a day is worth while, and may be lost: where no
        majority of all copies answers, he can log in all the same.
        """
        today = timeutils.utcnow().date().isoformat()
        if self._records.noted(ACTIVITY, [user_id]).get(user_id) == today:
            return
        try:
            self._records.note(ACTIVITY, user_id, today)
        except StoreError as error:
            LOG.warning("it was not noted that user %s is active today: %s", user_id, error)

    def update_federated_user_display_name(
        self, idp_id: str, protocol_id: str, unique_id: str, display_name: str
    ) -> None:
        """Give the user that an identity provider calls so another name to show."""
        found = self._records.named(USER, "federated", f"{idp_id}/{protocol_id}", unique_id)
        if found is None:
            return

        def alter(ref: Any) -> None:
            for each in ref.federated_users:
                if _keys(each) == (idp_id, protocol_id, unique_id):
                    each.display_name = display_name

        self._update(USER, USERS, found[0], alter, exception.UserNotFound(user_id=found[0]))

    @sql.handle_conflicts(conflict_type="nonlocal_user")  # type: ignore[untyped-decorator]
    def create_nonlocal_user(self, user_dict: Mapping[str, Any]) -> dict[str, Any]:
        """Make the shadow of a user that another driver has."""
        user = copy.deepcopy(dict(user_dict))
        name = user.pop("name")
        user.pop("password", None)
        ref = model.User.from_dict(user)
        ref.created_at = timeutils.utcnow()
        ref.nonlocal_user = model.NonLocalUser.from_dict({"name": name})
        self._create(USER, user["id"], USERS.fields(ref))
        return dict(identity_base.filter_user(ref.to_dict()))

    def delete_user(self, user_id: str) -> None:
        """Delete a user, and all that hangs on him."""
        self._remove_user(user_id)

    def get_user(self, user_id: str) -> dict[str, Any]:
        """A user."""
        ref = self._thing(USER, USERS, user_id)
        if ref is None:
            raise exception.UserNotFound(user_id=user_id)
        return dict(identity_base.filter_user(ref.to_dict()))

    def add_user_to_group_expires(self, user_id: str, group_id: str) -> bool:
        """Put a user into a group for some time, or prolong it; whether he was not in it."""
        ref = self._thing(USER, USERS, user_id)
        if ref is None or not ref.federated_users:
            raise exception.UserNotFound(user_id=user_id)
        return self._confirm(user_id, Expiring(group_id, ref.federated_users[0].idp_id))

    def cleanup_stale_group_memberships(
        self, user_id: str, idp_id: str, current_group_ids: Collection[str]
    ) -> list[str]:
        """End what an identity provider does not say any more; the groups."""
        return self._end(user_id, idp=idp_id, kept=set(current_group_ids))


def _keys(each: Any) -> tuple[Any, ...]:
    if isinstance(each, Mapping):
        return tuple(each.get(name) for name in KEYS)
    return tuple(getattr(each, name) for name in KEYS)


def _has(each: Any, wanted: Mapping[str, Any]) -> bool:
    return all(getattr(each, name) == value for name, value in wanted.items())
