"""After an ambiguous commit: finding out by reading back whether it happened.

The method is run again. Most methods set what they are told to set, and end well both times. The others give
themselves away: a delete does not find what it already deleted, a create meets what it already created, a new
password is already in the history. Two methods count, and are asked before they would count twice.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keystone_viaduct.drivers import methods
from keystone_viaduct.drivers.calls import Call

Getter = tuple[str, tuple[str, ...]]
"""A read method, and which parameters of the create identify the record."""

# Records with a random id: what is found under it is ours.
_CREATES: dict[tuple[str, str], Getter] = {
    (methods.IDENTITY, "create_user"): ("get_user", ("user_id",)),
    (methods.IDENTITY, "create_group"): ("get_group", ("group_id",)),
    (methods.RESOURCE, "create_project"): ("get_project", ("project_id",)),
    (methods.ROLE, "create_role"): ("get_role", ("role_id",)),
    (methods.CATALOG, "create_service"): ("get_service", ("service_id",)),
    (methods.CATALOG, "create_endpoint"): ("get_endpoint", ("endpoint_id",)),
    (methods.CATALOG, "create_endpoint_group"): ("get_endpoint_group", ("endpoint_group_id",)),
    (methods.CREDENTIAL, "create_credential"): ("get_credential", ("credential_id",)),
    (methods.APPLICATION_CREDENTIAL, "create_application_credential"): (
        "get_application_credential",
        ("application_credential.id",),
    ),
    (methods.POLICY, "create_policy"): ("get_policy", ("policy_id",)),
    (methods.OAUTH1, "create_consumer"): ("get_consumer_with_secret", ("consumer_ref.id",)),
    (methods.TRUST, "create_trust"): ("get_trust", ("trust_id",)),
}

# Records whose id somebody chose or that is made from what they are: compared with what was to be written.
_CREATES_CHOSEN: dict[tuple[str, str], Getter] = {
    (methods.CATALOG, "create_region"): ("get_region", ("region_ref.id",)),
    (methods.FEDERATION, "create_idp"): ("get_idp", ("idp_id",)),
    (methods.FEDERATION, "create_mapping"): ("get_mapping", ("mapping_id",)),
    (methods.FEDERATION, "create_protocol"): ("get_protocol", ("idp_id", "protocol_id")),
    (methods.FEDERATION, "create_sp"): ("get_sp", ("sp_id",)),
    (methods.SHADOW_USERS, "create_nonlocal_user"): ("get_user", ("user_dict.id",)),
    (methods.SHADOW_USERS, "create_federated_user"): (
        "get_federated_user",
        ("federated_dict.idp_id", "federated_dict.protocol_id", "federated_dict.unique_id"),
    ),
}

# Links that are nothing but their key: whoever made them, they are there as asked.
_LINKS: dict[tuple[str, str], Getter | None] = {
    (methods.ROLE, "create_implied_role"): ("get_implied_role", ("prior_role_id", "implied_role_id")),
    (methods.CATALOG, "add_endpoint_to_project"): None,
    (methods.CATALOG, "add_endpoint_group_to_project"): None,
    (methods.ASSIGNMENT, "add_role_to_user_and_project"): None,
}

_BATCHES = {
    (methods.UNIFIED_LIMIT, "create_limits"): ("get_limit", "limits"),
    (methods.UNIFIED_LIMIT, "create_registered_limits"): ("get_registered_limit", "registered_limits"),
}

_REMOVALS = ("delete_", "remove_", "release_", "unset_")
_PASSWORD_WRITES = {"change_password": "new_password", "update_user": "user"}
_COMPARED_TYPES = (str, int, bool, type(None))


@dataclass(frozen=True)
class Resolved:
    """The commit did happen; ``value`` is what the method would have returned."""

    value: Any = None


def by_error(call: Call, error: Exception) -> Resolved | None:
    """Whether ``error``, met when running ``call`` again, shows that its first commit happened."""
    from keystone import exception
    from oslo_db import exception as db_exception

    if isinstance(error, exception.NotFound) and call.method.startswith(_REMOVALS):
        return Resolved()
    if isinstance(error, (exception.Conflict, db_exception.DBDuplicateEntry)):
        return _created(call)
    if isinstance(error, exception.PasswordValidationError):
        return _password_set(call)
    return None


def _created(call: Call) -> Resolved | None:
    address = (call.namespace, call.method)
    if address in _BATCHES:
        return _created_all(call, *_BATCHES[address])
    if address in _LINKS:
        getter = _LINKS[address]
        return _find(call, getter) if getter is not None else Resolved()
    if address in _CREATES:
        return _find(call, _CREATES[address])
    if address in _CREATES_CHOSEN:
        found = _find(call, _CREATES_CHOSEN[address])
        return found if found is not None and _same(call, found.value) else None
    return None


def _created_all(call: Call, getter: str, parameter: str) -> Resolved | None:
    found = [_ask(call, getter, [wanted["id"]]) for wanted in call.named()[parameter]]
    values = [one.value for one in found if one is not None]
    return Resolved(values) if len(values) == len(found) else None


def _find(call: Call, getter: Getter) -> Resolved | None:
    arguments = call.named()
    method, names = getter
    return _ask(call, method, [_look_up(arguments, name) for name in names])


def _ask(call: Call, getter: str, identity: list[Any]) -> Resolved | None:
    from keystone import exception

    try:
        return Resolved(call.ask(getter, *identity))
    except exception.NotFound:
        return None


def _look_up(arguments: dict[str, Any], path: str) -> Any:
    parameter, _, field = path.partition(".")
    return arguments[parameter][field] if field else arguments[parameter]


def _same(call: Call, found: dict[str, Any]) -> bool:
    """Whether ``found`` says what was to be written, in its plain fields."""
    wanted: dict[str, Any] = next((value for value in call.named().values() if isinstance(value, dict)), {})
    names = [name for name, value in wanted.items() if isinstance(value, _COMPARED_TYPES) and name in found]
    return all(wanted[name] == found[name] for name in names)


def _password_set(call: Call) -> Resolved | None:
    """The new password is in the history: if it is the current one, the first commit put it there."""
    if call.namespace != methods.IDENTITY or call.method not in _PASSWORD_WRITES:
        return None
    arguments = call.named()
    given = arguments[_PASSWORD_WRITES[call.method]]
    password = given.get("password") if isinstance(given, dict) else given
    try:
        user = call.ask("authenticate", arguments["user_id"], password)
    except AssertionError:
        return None
    return Resolved(user if call.method == "update_user" else None)


Question = Callable[[Exception], Resolved | None]


def question(call: Call) -> Question | None:
    """For a method that counts: what to ask before it would run again after the ambiguous error given.

    Called before the first attempt, because the answer may depend on what was there before.
    """
    if call.method == "consume_use" and call.namespace == methods.TRUST:
        return _uses_left(call)
    if call.method == "authenticate" and call.namespace == methods.IDENTITY:
        return _failure_counted(call, datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0))
    return None


def _uses_left(call: Call) -> Question | None:
    before = _remaining_uses(call)
    if before is None:
        return None

    def ask(_error: Exception) -> Resolved | None:
        return Resolved() if (_remaining_uses(call) or 0) < before else None

    return ask


def _remaining_uses(call: Call) -> int | None:
    trust = _ask(call, "get_trust", [call.named()["trust_id"]])
    return trust.value["remaining_uses"] if trust is not None else None


def _failure_counted(call: Call, since: datetime.datetime) -> Question:
    """A wrong password is counted once: when the failure is on record, the first attempt's answer stands."""

    def ask(error: Exception) -> Resolved | None:
        if not _raised_in(error, "_record_failed_auth"):
            return None
        recorded = _last_failure(call.named()["user_id"])
        if recorded is not None and recorded >= since:
            raise AssertionError("Invalid user / password")
        return None

    return ask


def _raised_in(error: Exception, function: str) -> bool:
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_name == function:
            return True
        frame = frame.tb_next
    return False


def _last_failure(user_id: str) -> datetime.datetime | None:
    from keystone.common import sql
    from keystone.identity.backends import sql_model

    with sql.session_for_read() as session:
        row = session.query(sql_model.LocalUser.failed_auth_at).filter_by(user_id=user_id).first()
        return row[0] if row is not None else None
