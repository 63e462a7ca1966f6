"""Namespace ``keystone.application_credential``: application credentials, and the rules that bound them.

A credential's record holds its rules, which never change, so that one whose rule is gone is never unbounded.
A rule that a credential has got while it was deleted is put back; a credential whose rule is gone when it is
looked at again is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keystone import exception
from keystone.application_credential.backends import base
from keystone.application_credential.backends import sql as model
from keystone.common import password_hashing, sql
from oslo_db import exception as db_exception
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers.base import Driver, Filters
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Fields, Listing, Shape, Unique
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

CREDENTIAL = Shape(
    "application_credential",
    unique=(Unique("name", lambda fields: [(fields["user_id"], fields["name"])]),),
    listings=(
        Listing(ALL, everywhere, hint=lambda fields: str(fields["name"]), width=1),
        Listing("user", field_of("user_id"), hint=lambda fields: str(fields["name"])),
        Listing("rule", lambda fields: [rule["id"] for rule in fields["access_rules"]]),
    ),
)
PARTS = ("service", "path", "method")


def _bound(fields: Fields) -> Iterator[tuple[str, str]]:
    """What of a user may not occur twice; as in SQL, not where a part of it is missing."""
    if all(fields[name] is not None for name in ("user_id", *PARTS)):
        yield fields["user_id"], "\n".join(fields[name] for name in ("service", "method", "path"))


RULE = Shape(
    "access_rule",
    unique=(Unique("bound", _bound),),
    listings=(Listing(ALL, everywhere, width=1), Listing("user", field_of("user_id"))),
)
CREDENTIALS = Simple(model.ApplicationCredentialModel, ("id", "internal_id"))
RULES = Simple(model.AccessRuleModel, ("id", "external_id"), "external_id")


class ApplicationCredential(Driver, base.ApplicationCredentialDriverBase):  # type: ignore[misc]
    """See the base class."""

    def authenticate(self, application_credential_id: str, secret: str) -> None:
        """Raise unless that is its secret and it has not expired."""
        ref = self._thing(CREDENTIAL, CREDENTIALS, application_credential_id)
        right = ref is not None and password_hashing.check_password(secret, ref.secret_hash)
        if not right or (ref.expires_at and timeutils.utcnow() >= ref.expires_at):
            raise AssertionError("Invalid application credential ID or secret")

    @sql.handle_conflicts(conflict_type="application_credential")  # type: ignore[untyped-decorator]
    def create_application_credential(
        self,
        application_credential: Mapping[str, Any],
        roles: Iterable[Mapping[str, Any]],
        access_rules: Iterable[Mapping[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Make an application credential, and before it those of its rules that there are not yet."""
        made = dict(application_credential)
        made["secret_hash"] = password_hashing.hash_password(made.pop("secret"))
        key, user_id = made["id"], made["user_id"]
        rules = [self._rule(user_id, each) for each in access_rules or ()]
        ref = model.ApplicationCredentialModel.from_dict(made)
        parts = {"roles": [role["id"] for role in roles], "access_rules": rules}
        fields = {**CREDENTIALS.fields(ref), **parts}
        self._create(CREDENTIAL, key, fields)
        for rule in rules:
            if self._records.get_latest(RULE, rule["id"]) is None:
                self._change(CREDENTIAL, key, lambda _: None)
                raise exception.AccessRuleNotFound(access_rule_id=rule["id"])
        return _described(key, fields)

    def _rule(self, user_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The rule of that id, or else the user's rule that says the same, which is made where there is
        none.
        """
        there = self._records.get(RULE, wanted["id"])
        if there is not None and there["user_id"] != user_id:
            raise exception.AccessRuleNotFound(access_rule_id=wanted["id"])
        if there is not None:
            return shown(wanted["id"], there)
        fields = {"user_id": user_id, **{name: wanted[name] for name in PARTS}}
        [(scope, name)] = _bound(fields)
        found = self._records.named(RULE, "bound", scope, name)
        if found is None:
            try:
                self._create(RULE, wanted["id"], fields)
                return shown(wanted["id"], fields)
            except db_exception.DBDuplicateEntry:  # somebody has just made it
                found = self._records.named(RULE, "bound", scope, name)
                if found is None:
                    raise
        return shown(*found)

    def get_application_credential(self, application_credential_id: str) -> dict[str, Any]:
        """An application credential."""
        fields = self._records.get(CREDENTIAL, application_credential_id)
        if fields is None:
            raise _missing(application_credential_id)
        return _described(application_credential_id, fields)

    def list_application_credentials_for_user(self, user_id: str, hints: Any) -> list[dict[str, Any]]:
        """Those of a user that match."""
        attributes = CREDENTIALS.columns.filterable(model.ApplicationCredentialModel.attributes)
        filters = Filters(hints, attributes)
        found = self._list(CREDENTIAL, _Whole(), hints, filters, "user", user_id)
        return [_described(ref.id, ref.whole) for ref in found]

    def delete_application_credential(self, application_credential_id: str) -> None:
        """Delete an application credential."""
        self._delete(CREDENTIAL, application_credential_id, _missing(application_credential_id))

    def delete_application_credentials_for_user(self, user_id: str) -> None:
        """Delete those of a user, one by one: an interrupted one is done again."""
        for key, _fields in self._records.list(CREDENTIAL, "user", user_id):
            self._change(CREDENTIAL, key, lambda _: None)

    def delete_application_credentials_for_user_on_project(self, user_id: str, project_id: str) -> None:
        """Delete those of a user for a project."""
        for key, fields in self._records.list(CREDENTIAL, "user", user_id):
            if fields["project_id"] == project_id:
                self._change(CREDENTIAL, key, lambda _: None)

    def get_access_rule(self, access_rule_id: str, user_id: str | None = None) -> dict[str, Any]:
        """A rule; of a user, where he is named."""
        return shown(access_rule_id, self._of(access_rule_id, user_id))

    def _of(self, access_rule_id: str, user_id: str | None) -> Fields:
        fields = self._records.get(RULE, access_rule_id)
        if fields is None or user_id not in (None, fields["user_id"]):
            raise exception.AccessRuleNotFound(access_rule_id=access_rule_id)
        return fields

    def list_access_rules_for_user(self, user_id: str, hints: Any) -> list[dict[str, Any]]:
        """The rules of a user that match."""
        attributes = RULES.columns.filterable(model.AccessRuleModel.attributes)
        filters = Filters(hints, attributes)
        found = self._list(RULE, RULES, hints, filters, "user", user_id)
        return [{"id": ref.external_id, **{name: getattr(ref, name) for name in PARTS}} for ref in found]

    def delete_access_rule(self, access_rule_id: str, user_id: str | None = None) -> None:
        """Delete a rule that no credential has; of a user, where he is named."""
        self._of(access_rule_id, user_id)
        self._delete_unless(
            RULE,
            access_rule_id,
            exception.AccessRuleNotFound(access_rule_id=access_rule_id),
            lambda: next(self._records.list(CREDENTIAL, "rule", access_rule_id), None) is not None,
            exception.ForbiddenNotSecurity("May not delete access rule in use"),
        )

    def delete_access_rules_for_user(self, user_id: str) -> None:
        """Delete all rules of a user, whose credentials are gone."""
        for key, _fields in self._records.list(RULE, "user", user_id):
            self._change(RULE, key, lambda _: None)


class _Whole:
    """Application credentials as objects that know their whole record."""

    def fields(self, thing: Any) -> dict[str, Any]:
        """The record of one."""
        return dict(thing.whole)

    def thing(self, key: str, fields: Mapping[str, Any]) -> Any:
        """The one of a record."""
        made = CREDENTIALS.thing(key, fields)
        made.whole = fields
        return made


def _described(key: str, fields: Fields) -> dict[str, Any]:
    """As managers want it: rules are said only where there are some."""
    described = CREDENTIALS.thing(key, fields).to_dict()
    described.pop("internal_id")
    described["roles"] = [{"id": role_id} for role_id in fields["roles"]]
    if fields["access_rules"]:
        described["access_rules"] = [dict(rule) for rule in fields["access_rules"]]
    return dict(described)


def shown(access_rule_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as Keystone shows it, and as the records of credentials hold it."""
    return {"id": access_rule_id, **{name: fields[name] for name in PARTS}}


def _missing(application_credential_id: str) -> Exception:
    missing: Exception = exception.ApplicationCredentialNotFound(
        application_credential_id=application_credential_id
    )
    return missing
