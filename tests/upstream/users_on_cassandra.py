"""Lets upstream's tests look for users, and put some, where the driver for Cassandra has them.

What upstream's own helpers do in an SQL session is done here to records: read a user as an object, make
one with a past, set back the clock of his passwords or of his last activity.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from keystone_viaduct.cassandra.drivers import base


def look_here(tests: Any) -> None:
    """Replace the helpers of a module of tests, if it has such."""
    if tests.__name__ == "keystone.tests.unit.test_v3_identity":
        tests.UserFederatedAttributesTests._create_user_with_federated_user = _make_federated_user
    if tests.__name__ == "keystone.tests.unit.test_shadow_users":
        from keystone.identity import core
        from keystone.tests.unit.identity.shadow_users import test_backend

        test_backend.ShadowUsersBackendTests._get_user_ref = _user
        test_backend.ShadowUsersBackendTests._add_nonlocal_user = _add_nonlocal_user
        core.ShadowUsersManager._get_federated_user = _federated_user
    if tests.__name__ in (
        "keystone.tests.unit.test_backend_sql",
        "keystone.tests.unit.identity.test_backend_sql",
    ):
        from keystone_viaduct.cassandra.drivers.identity import Identity

        Identity._get_user = lambda _driver, _session, user_id: _user(None, user_id)
    if tests.__name__ == "keystone.tests.unit.identity.test_backend_sql":
        tests.UserResourceOptionTests._get_user_ref = _user
        tests.UserResourceOptionTests._create_user = _put
        tests.DisableInactiveUserTests._get_user_ref = _user
        tests.DisableInactiveUserTests._create_user = _put
        tests.DisableInactiveUserTests._update_user_last_active_at = _set_last_active
        tests.PasswordHistoryValidationTests._get_user_ref = _user
        tests.PasswordExpiresValidationTests._create_user = _make_with_password_of
        tests.MinimumPasswordAgeTests._update_password_created_at = _set_password_times


def _user(_test: Any, user_id: str) -> Any:
    """A user as an object, with the day of his last activity."""
    from keystone_viaduct.cassandra.drivers.people import ACTIVITY, USER, USERS

    records = base.source()
    ref = USERS.thing(user_id, records.get(USER, user_id) or {})
    day = records.noted(ACTIVITY, [user_id]).get(user_id)
    ref.last_active_at = datetime.date.fromisoformat(day) if day else None
    return ref


def _put(_test: Any, user: dict[str, Any], last_active_at: datetime.date | None = None) -> dict[str, Any]:
    """Make a user without asking the driver."""
    from keystone.identity.backends import sql_model

    user["id"] = uuid.uuid4().hex
    ref = sql_model.User.from_dict(user)
    ref.last_active_at = last_active_at
    _store(ref)
    return _shown(ref)


def _store(ref: Any) -> None:
    from keystone_viaduct.cassandra.drivers.people import ACTIVITY, USER, USERS

    base.source().change(USER, ref.id, lambda _: USERS.fields(ref))
    if ref.last_active_at is not None:
        base.source().note(ACTIVITY, ref.id, ref.last_active_at.isoformat())


def _shown(ref: Any) -> dict[str, Any]:
    from keystone.identity.backends import base as identity_base

    return dict(identity_base.filter_user(ref.to_dict()))


def _set_last_active(_test: Any, user_id: str, last_active_at: datetime.date) -> Any:
    def alter(ref: Any) -> None:
        ref.last_active_at = last_active_at

    return _altered(user_id, alter)


def _altered(user_id: str, alter: Callable[[Any], None]) -> Any:
    ref = _user(None, user_id)
    alter(ref)
    _store(ref)
    return ref


def _make_with_password_of(_test: Any, user: dict[str, Any], created_at: datetime.datetime) -> dict[str, Any]:
    """Make a user whose password was given to him at that time."""
    from keystone.common import provider_api

    provider_api.ProviderAPIs.identity_api.driver.create_user(user["id"], user)

    def alter(ref: Any) -> None:
        ref.password_ref.created_at = created_at
        ref.password_ref.expires_at = ref._get_password_expires_at(created_at)

    return _shown(_altered(user["id"], alter))


def _set_password_times(_test: Any, user_id: str, created_at: datetime.datetime) -> None:
    """Let a user's latest password be of that time, and all others of a minute before."""

    def alter(ref: Any) -> None:
        latest = ref.password_ref
        for each in ref.local_user.passwords:
            each.created_at = created_at - datetime.timedelta(minutes=1)
        latest.created_at = created_at

    _altered(user_id, alter)


def _federated_user(_manager: Any, idp_id: str, protocol_id: str, unique_id: str) -> Any:
    from keystone_viaduct.cassandra.drivers.people import USER, USERS

    found = base.source().named(USER, "federated", f"{idp_id}/{protocol_id}", unique_id)
    assert found is not None
    return USERS.thing(*found)


def _add_nonlocal_user(_test: Any, side: dict[str, Any]) -> None:
    """Give a user a nonlocal name, as a new record, where there is none of that id."""
    from keystone.identity.backends import sql_model

    from keystone_viaduct.cassandra.drivers.people import USER, USERS

    ref = sql_model.User.from_dict({"id": side["user_id"], "domain_id": side["domain_id"], "enabled": True})
    ref.nonlocal_user = sql_model.NonLocalUser(name=side["name"])
    base.Driver()._create(USER, side["user_id"], USERS.fields(ref))


def _make_federated_user(_test: Any, user: dict[str, Any], side: dict[str, Any]) -> dict[str, Any]:
    from keystone.identity.backends import base as identity_base
    from keystone.identity.backends import sql_model
    from oslo_utils import timeutils

    from keystone_viaduct.cassandra.drivers.people import USER, USERS

    ref = sql_model.User.from_dict(user)
    ref.created_at = timeutils.utcnow()
    ref.federated_users.append(sql_model.FederatedUser.from_dict(side))
    base.source().change(USER, user["id"], lambda _: USERS.fields(ref))
    return dict(identity_base.filter_user(ref.to_dict()))
