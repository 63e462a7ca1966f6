"""Users and groups as records: a user with his local, federated and nonlocal sides, options and passwords."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keystone.identity.backends import sql_model as model

from keystone_viaduct.cassandra.drivers.graph import Columns, Simple, WithOptions
from keystone_viaduct.cassandra.records import Fields, Listing, Shape, Unique
from keystone_viaduct.cassandra.records.hints import Attribute
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

ACTIVITY = "activity"
"""The kind of notes that say on which day a user was last active."""


class Users:
    """From Keystone's user to a record and back."""

    def __init__(self) -> None:
        self.user = WithOptions(model.User, model.UserOption, without=("id", "last_active_at"))
        self.password = Columns(model.Password, ("id", "local_user_id", "_created_at", "_expires_at"))
        self.federated = Columns(model.FederatedUser, ("id", "user_id"))

    def fields(self, thing: Any) -> dict[str, Any]:
        """The record of a user."""
        fields = self.user.fields(thing)
        if thing.local_user is not None:
            fields["local"] = {"name": _named(thing.local_user)}
            fields["passwords"] = [self.password.values(each) for each in thing.local_user.passwords]
        if thing.nonlocal_user is not None:
            fields["nonlocal"] = {"name": _named(thing.nonlocal_user)}
        if thing.federated_users:
            fields["federated"] = [self.federated.values(each) for each in thing.federated_users]
        return fields

    def thing(self, key: str, fields: Mapping[str, Any]) -> Any:
        """The user of a record."""
        made = self.user.thing(key, fields)
        if "local" in fields:
            made.local_user = model.LocalUser(
                name=fields["local"]["name"], domain_id=made.domain_id, user_id=key
            )
            made.local_user.passwords = [self.password.make(each) for each in fields["passwords"]]
        if "nonlocal" in fields:
            made.nonlocal_user = model.NonLocalUser(
                name=fields["nonlocal"]["name"], domain_id=made.domain_id, user_id=key
            )
        for each in fields.get("federated", ()):
            made.federated_users.append(self.federated.make(each, user_id=key))
        return made

    def filterable(self) -> dict[str, Attribute]:
        """What can be filtered by; never the password."""
        found = self.user.columns.filterable(("id", "domain_id", "enabled", "default_project_id"))
        return {**found, "name": Attribute(model.LocalUser.name.property.columns[0].type.length)}


def _named(side: Any) -> str:
    """The name of a side of a user, which has to have one."""
    named: str = Columns(type(side), ("id", "user_id", "domain_id")).values(side)["name"]
    return named


def _sides(kind: str) -> Any:
    def names(fields: Fields) -> Iterator[tuple[str, str]]:
        if kind in fields:
            yield fields["domain_id"], fields[kind]["name"]

    return names


def _federated(fields: Fields) -> list[tuple[str, str]]:
    each = fields.get("federated", ())
    return [(f"{one['idp_id']}/{one['protocol_id']}", one["unique_id"]) for one in each]


def user_name(fields: Fields) -> str:
    """What Keystone shows as a user's name."""
    for side in ("local", "nonlocal"):
        if side in fields:
            return str(fields[side]["name"])
    shown = [one["display_name"] for one in fields.get("federated", ())]
    return str(shown[0]) if shown and shown[0] is not None else ""


USER = Shape(
    "user",
    unique=(
        Unique("local", _sides("local")),
        Unique("nonlocal", _sides("nonlocal")),
        Unique("federated", _federated),
    ),
    listings=(
        Listing(ALL, everywhere, hint=user_name, width=1),
        Listing("domain", field_of("domain_id"), hint=user_name, width=1),
        Listing("default_project", field_of("default_project_id"), width=1),
        Listing("idp", lambda fields: {one["idp_id"] for one in fields.get("federated", ())}, width=1),
    ),
)
GROUP = Shape(
    "group",
    unique=(Unique("name", lambda fields: [(fields["domain_id"], fields["name"])]),),
    listings=(
        Listing(ALL, everywhere, hint=lambda fields: str(fields["name"]), width=1),
        Listing("domain", field_of("domain_id"), hint=lambda fields: str(fields["name"]), width=1),
    ),
)
MEMBERSHIP = Shape("membership", listings=(Listing("group", lambda fields: list(fields), width=1),))
"""Key: the user; a field for each group that he is in."""
LOCKOUT = Shape("lockout")
"""Key: the user. How often he gave a wrong password since he gave the right one, and when last."""
USERS = Users()
GROUPS = Simple(model.Group)
