"""Keystone's notifications for changes that came from another site, marked as replicated.

Only what goes to the message bus is sent: Keystone's own listeners in the process would do again what the
other site has done already and what is replicated as records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.ports import Write

#: kind -> resource type in Keystone's event names (``identity.<type>.<operation>``).
TYPES: dict[str, str] = {
    "region": "region",
    "service": "service",
    "endpoint": "endpoint",
    "policy": "policy",
    "role": "role",
    "assignment": "role_assignment",
    "system_assignment": "role_assignment",
    "domain": "domain",
    "project": "project",
    "user": "user",
    "group": "group",
    "credential": "credential",
    "application_credential": "application_credential",
    "access_rule": "access_rule",
    "trust": "OS-TRUST:trust",
    "identity_provider": "identity_provider",
    "federation_protocol": "federation_protocol",
    "mapping": "mapping",
    "service_provider": "service_provider",
    "registered_limit": "registered_limit",
    "limit": "limit",
    "consumer": "OS-OAUTH1:consumer",
    "request_token": "OS-OAUTH1:request_token",
    "access_token": "OS-OAUTH1:access_token",
}


def events(writes: Sequence[Write], source: str) -> list[tuple[str, dict[str, Any]]]:
    """Event name and payload of each write that Keystone would have told of."""
    found: list[tuple[str, dict[str, Any]]] = []
    for write in writes:
        kind = write.ref.kind
        if kind in TYPES:
            payload = {"resource_info": _resource(write), "replicated": True, "replicated_from": source}
            if kind in ("assignment", "system_assignment"):
                payload |= _grant(write)
            found.append((f"identity.{TYPES[kind]}.{_operation(write)}", payload))
    return found


def _operation(write: Write) -> str:
    if write.old is None:
        return "created"
    if write.new is None or (write.new.get("deleted_at") and not write.old.get("deleted_at")):
        return "deleted"
    return "updated"


def _resource(write: Write) -> str:
    parts = REGISTRY[write.ref.kind].split_key(write.ref.key)
    return parts[3] if write.ref.kind in ("assignment", "system_assignment") else parts[0]


def _grant(write: Write) -> dict[str, Any]:
    sort, actor, target, role, inherited = REGISTRY[write.ref.kind].split_key(write.ref.key)
    actor_name = "user" if sort.startswith("User") else "group"
    target_name = sort.removeprefix("User").removeprefix("Group").lower()
    return {actor_name: actor, target_name: target, "role": role, "inherited_to_projects": inherited == "1"}


def send(writes: Sequence[Write], source: str) -> None:
    """Put the events on the message bus. Never raises: oslo.messaging logs what it can't deliver."""
    import keystone.conf
    from keystone import notifications

    drivers = (
        keystone.conf.CONF.oslo_messaging_notifications.driver if _configured(keystone.conf.CONF) else []
    )
    if not drivers:
        return
    notifier = notifications._get_notifier()
    if not notifier:
        return
    for event, payload in events(writes, source):
        if not notifications._check_notification_opt_out(event, outcome="success"):
            notifier.info({}, event, payload)


def _configured(conf: Any) -> bool:
    return "oslo_messaging_notifications" in conf
