"""The registry as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from keystone_viaduct.errors import UnknownKind
from keystone_viaduct.kinds.describe import describe
from keystone_viaduct.kinds.model import Kind, Mode
from keystone_viaduct.kinds.registry import REGISTRY, get
from keystone_viaduct.kinds.shape import Rename, Shape

NAMES = """
    region service endpoint endpoint_group project_endpoint project_endpoint_group policy
    policy_association role implied_role assignment system_assignment domain project domain_config
    user group membership expiring_membership id_mapping credential application_credential
    access_rule trust identity_provider federation_protocol mapping service_provider
    registered_limit limit revocation_event consumer request_token access_token
"""
KINDS = list(REGISTRY.values())


def test_there_are_34_kinds_of_these_names() -> None:
    assert sorted(REGISTRY) == sorted(NAMES.split())
    assert all(len(name) <= 32 for name in REGISTRY)


def test_what_a_kind_waits_for_comes_before_it() -> None:
    order = list(REGISTRY)
    for kind in KINDS:
        for reference in kind.references:
            if reference.mode is not Mode.HISTORICAL or reference.foreign_key:
                if reference.mode is Mode.NULLING and not reference.foreign_key:
                    continue
                assert order.index(reference.target) <= order.index(kind.name), (kind.name, reference)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_declaration_is_consistent(kind: Kind) -> None:
    root = {spec.name for spec in kind.fields}
    listed = {child.field for child in kind.children if child.shape in (Shape.SET, Shape.ITEMS)}
    known = {*root, *kind.declared, *listed, *(kind.key if kind.rootless else ())}
    assert set(kind.key) <= known
    assert all(reference.field in known and reference.target in REGISTRY for reference in kind.references)
    assert set(kind.merge) <= known and set(kind.merge.values()) <= {"min", "max"}
    for natural in kind.natural:
        assert set(natural.fields) <= known or natural.each in listed
    for step in kind.scope.steps:
        assert step.field in known and step.via in {"", *REGISTRY}
    if isinstance(kind.rename, Rename):
        assert kind.declared[kind.rename.field].size == kind.rename.size
    if kind.rename is not None:
        assert any(kind.rename.field in natural.fields for natural in kind.natural)
    if kind.children:
        assert len(kind.key) == 1
    assert len({natural.name for natural in kind.natural}) == len(kind.natural)


@pytest.mark.parametrize(
    ("kind", "secrets"),
    [
        ("user", {"passwords"}),
        ("credential", {"blob"}),
        ("application_credential", {"secret_hash"}),
        ("consumer", {"secret"}),
        ("request_token", {"request_secret", "verifier"}),
        ("access_token", {"access_secret"}),
        ("domain_config", {"sensitive.*"}),
    ],
)
def test_secrets_are_declared(kind: str, secrets: set[str]) -> None:
    assert REGISTRY[kind].secret == secrets


def test_nothing_else_is_secret() -> None:
    assert sum(1 for kind in KINDS if kind.secret) == 7
    assert REGISTRY["domain_config"].is_secret("sensitive.ldap/password")
    assert not REGISTRY["domain_config"].is_secret("whitelisted.ldap/url")


def test_grants_memberships_and_credentials_stay_deleted() -> None:
    wins = {kind.name for kind in KINDS if kind.deletes_win}
    assert {"assignment", "system_assignment", "membership", "credential", "trust"} <= wins
    assert not {"user", "project", "role", "domain", "group"} & wins


def test_only_revocation_events_are_inserted_and_pruned_alone() -> None:
    assert [kind.name for kind in KINDS if kind.insert_only] == ["revocation_event"]


def test_failed_logins_are_the_volatile_columns() -> None:
    assert [name for kind in KINDS for name in kind.volatile] == [
        "local_user.failed_auth_count",
        "local_user.failed_auth_at",
    ]


def test_an_unknown_kind_comes_with_a_hint() -> None:
    assert get("user") is REGISTRY["user"]
    with pytest.raises(UnknownKind, match="viaduct kinds"):
        get("planet")


def test_sources_lead_from_every_table_to_the_record() -> None:
    found = {(kind.name, source.table): source for kind in KINDS for source in kind.sources}
    assert {table for _, table in found} == {table for kind in KINDS for table in kind.tables}
    password = found["user", "password"]
    assert password.via == (("local_user", (("id", "local_user_id"),)),)
    assert password.key == ("user_id",)
    assert "password_hash" in password.columns
    local = found["user", "local_user"]
    assert local.key == ("user_id",) and "failed_auth_count" not in local.columns
    tag = found["domain", "project_tag"]
    assert tag.via == (("project", (("id", "project_id"),)),) and tag.where == {"is_domain": True}
    assert found["revocation_event", "revocation_event"].key == ("id",)
    assert found["access_rule", "access_rule"].key == ("external_id",)


def test_the_description_is_plain_data_about_every_kind() -> None:
    import json

    shown = json.loads(json.dumps(describe()))
    assert [item["name"] for item in shown] == list(REGISTRY)
    user = next(item for item in shown if item["name"] == "user")
    assert user["tables"] == [
        "user",
        "local_user",
        "password",
        "nonlocal_user",
        "federated_user",
        "user_option",
    ]
    assert "extra.*" in user["fields"] and "passwords" in user["secret"]
    assert user["scope"] == "domain_id" and user["merge"] == {"last_active_at": "max", "created_at": "min"}
    role = next(item for item in shown if item["name"] == "role")
    assert {cascade["columns"][0] for cascade in role["cascades"]} == {"prior_role_id", "implied_role_id"}
    assert describe([REGISTRY["role"]]) == [role]


def test_the_declarations_import_nothing_but_our_errors() -> None:
    code = (
        "import sys, keystone_viaduct.kinds.describe;"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('sqlalchemy','keystone','oslo_db')"
        " or m.startswith('keystone_viaduct.') and not m.startswith(('keystone_viaduct.kinds',"
        " 'keystone_viaduct.errors'))))"
    )
    # -I: not as a fork of a process that has imported Keystone
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
