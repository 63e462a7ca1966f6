"""How the documents of each kind lie in records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from keystone_viaduct.cassandra.drivers import (
    application_credential,
    catalog,
    credential,
    endpoint_groups,
    id_mapping,
    oauth1,
    people,
    policy,
    providers,
    resource,
    role,
    trust,
    unified_limit,
)
from keystone_viaduct.cassandra.drivers.expiring import CONFIRMED
from keystone_viaduct.cassandra.drivers.expiring import Expiring as Membership
from keystone_viaduct.cassandra.records import Fields, Records, Shape
from keystone_viaduct.cassandra.transfer import parts
from keystone_viaduct.cassandra.transfer.fields import shown, stored
from keystone_viaduct.cassandra.transfer.plain import Plain
from keystone_viaduct.cassandra.transfer.ports import Item
from keystone_viaduct.documents.cipher import CredentialCipher
from keystone_viaduct.errors import BadDocument
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document


class Layout(Protocol):
    """Records of one kind of records, and the documents of one kind in them."""

    @property
    def kind(self) -> Kind:
        """What its documents are."""

    @property
    def shape(self) -> Shape:
        """What its records are."""

    def documents(self, key: str, fields: Fields) -> Iterator[Item]:
        """Those in the record at a key."""

    def place(self, document: Document) -> str:
        """The key of the record that a document is in."""

    def put(self, before: Fields | None, document: Document) -> Fields:
        """What becomes of that record with the document in it."""


@dataclass(frozen=True)
class Noted:
    """A field that is not in the record but written down beside it: the latest counts."""

    notes: str
    field: str
    key: Callable[[Document], str]
    read: Callable[[str], Any]
    write: Callable[[Any], str]


@dataclass(frozen=True)
class Bounded(Plain):
    """Application credentials, whose records hold their access rules whole."""

    records: Records | None = None

    def put(self, before: Fields | None, document: Document) -> Fields:
        """The record of a document; its rules have to be there."""
        fields = super().put(before, document)
        assert self.records is not None
        wanted = fields["access_rules"]
        found = self.records.get_many(application_credential.RULE, wanted) if wanted else {}
        missing = [key for key in wanted if key not in found]
        if missing:
            raise BadDocument(f"its access rule {missing[0]} is not there", kind=self.kind.name)
        return {**fields, "access_rules": [application_credential.shown(key, found[key]) for key in wanted]}


_VERIFIED = next(s for s in REGISTRY["expiring_membership"].fields if s.name == "last_verified")
NOTED: Mapping[str, Noted] = {
    "user": Noted(people.ACTIVITY, "last_active_at", lambda document: str(document["id"]), str, str),
    "expiring_membership": Noted(
        CONFIRMED,
        _VERIFIED.name,
        lambda document: (
            f"{document['user_id']}/{Membership(str(document['group_id']), str(document['idp_id'])).field}"
        ),
        lambda text: shown(_VERIFIED, int(text)),
        lambda value: str(stored(_VERIFIED, value)),
    ),
}


def layouts(records: Records, cipher: CredentialCipher) -> dict[str, Layout]:
    """By the name of the kind; revocation events are no records."""
    plain = _plain()
    return {
        **{each.kind.name: each for each in plain},
        **{each.kind.name: each for each in _in_parts()},
        "credential": replace(_of("credential", credential.CREDENTIAL, credential.CODEC), cipher=cipher),
        "application_credential": Bounded(
            REGISTRY["application_credential"],
            application_credential.CREDENTIAL,
            application_credential.CREDENTIALS.columns,
            records=records,
        ),
    }


def _of(kind: str, shape: Shape, codec: Any, **more: Any) -> Plain:
    return Plain(REGISTRY[kind], shape, codec.columns, **more)


def _plain() -> Sequence[Layout]:
    users = people.USERS
    return [
        _of("region", catalog.REGION, catalog.REGIONS),
        _of("service", catalog.SERVICE, catalog.SERVICES),
        _of("endpoint", catalog.ENDPOINT, catalog.ENDPOINTS),
        _of("endpoint_group", endpoint_groups.ENDPOINT_GROUP, endpoint_groups.GROUPS),
        _of("policy", policy.POLICY, policy.CODEC),
        _of("domain", resource.PROJECT, resource.CODEC),
        _of("project", resource.PROJECT, resource.CODEC),
        _of("role", role.ROLE, role.CODEC),
        _of("registered_limit", unified_limit.REGISTERED, unified_limit.REGISTERED_LIMITS),
        _of("limit", unified_limit.LIMIT, unified_limit.LIMITS),
        _of("identity_provider", providers.IDP, providers.PROVIDERS),
        _of("mapping", providers.MAPPING, providers.MAPPINGS),
        _of("service_provider", providers.SERVICE_PROVIDER, providers.SERVICE_PROVIDERS),
        _of("id_mapping", id_mapping.MAPPING, id_mapping.CODEC),
        Plain(
            REGISTRY["user"],
            people.USER,
            users.user.columns,
            {"passwords": users.password, "federated": users.federated},
            bare=("federated",),
        ),
        _of("group", people.GROUP, people.GROUPS),
        _of("consumer", oauth1.CONSUMER, oauth1.CONSUMERS),
        _of("request_token", oauth1.REQUEST, oauth1.REQUESTS),
        _of("access_token", oauth1.ACCESS, oauth1.ACCESSES),
        _of("access_rule", application_credential.RULE, application_credential.RULES),
        _of("trust", trust.TRUST, trust.CODEC),
    ]


def _in_parts() -> Sequence[Layout]:
    return [
        parts.Associations(REGISTRY["policy_association"]),
        parts.Configurations(REGISTRY["domain_config"]),
        parts.Protocols(REGISTRY["federation_protocol"]),
        parts.Expiring(REGISTRY["expiring_membership"]),
        parts.Grants(REGISTRY["assignment"]),
        parts.Grants(REGISTRY["system_assignment"]),
        parts.Pairs(REGISTRY["implied_role"], role.IMPLIED, "prior_role_id", "implied_role_id"),
        parts.Pairs(REGISTRY["membership"], people.MEMBERSHIP, "user_id", "group_id"),
        parts.Pairs(REGISTRY["project_endpoint"], endpoint_groups.SEEN, "project_id", "endpoint_id"),
        parts.Pairs(
            REGISTRY["project_endpoint_group"],
            endpoint_groups.SEEN_GROUPS,
            "project_id",
            "endpoint_group_id",
        ),
    ]
