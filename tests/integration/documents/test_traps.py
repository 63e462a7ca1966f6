"""Each surprise of Keystone's data has a test of its own."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.errors import BadDocument, CredentialUnreadable
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.resource import ROOT_DOMAIN
from keystone_viaduct.kinds.value import Document
from tests.unit.documents.world import LDAP_USER, ROLE, USER, items_of, one

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")


def rows(connection: sa.engine.Connection, table: str, *columns: str, **where: Any) -> list[tuple[Any, ...]]:
    """Raw values, without any of the codecs' types."""
    source = sa.table(table, *(sa.column(name) for name in {*columns, *where}))
    found = sa.select(*(source.c[name] for name in columns))
    for name, value in where.items():
        found = found.where(source.c[name] == value)
    return [tuple(row) for row in connection.execute(found)]


def execute(connection: sa.engine.Connection, statement: str, **values: Any) -> None:
    """A hand edit; double quotes around names, as in standard SQL."""
    if connection.dialect.name in ("mysql", "mariadb"):
        statement = statement.replace('"', "`")
    connection.execute(sa.text(statement), values)


# 0.2: Keystone 30 deletes every user row without children


def test_a_bare_user_is_refused(world: Codecs, connection: sa.engine.Connection) -> None:
    bare: Document = {"id": "x", "domain_id": "d" * 32, "enabled": True, "federated": []}
    with pytest.raises(BadDocument, match="none of"):
        world.insert_many(connection, "user", [("x", bare)])
    with pytest.raises(BadDocument, match="without any of"):
        REGISTRY["user"].check(bare)
    assert rows(connection, "user", "id", id="x") == []


def test_a_bare_user_row_is_not_a_record(world: Codecs, connection: sa.engine.Connection) -> None:
    execute(connection, "INSERT INTO \"user\" (id, domain_id) VALUES ('bare', 'x')")
    assert world.load(connection, "user", ["bare"]) == {}
    assert "bare" not in world.keys(connection, "user", None, 100)


def test_a_user_can_be_made_over_a_bare_row_that_was_left_behind(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    execute(connection, "INSERT INTO \"user\" (id, domain_id) VALUES ('bare', 'x')")
    execute(connection, "INSERT INTO user_option VALUES ('bare', 'MFAE', 'true')")
    _, sample = one("user")
    made = {**sample, "id": "bare", "local.name": "back", "federated": []}
    world.insert_many(connection, "user", [("bare", made)])
    assert world.load(connection, "user", ["bare"]) == {"bare": made}


def test_a_user_that_would_become_bare_is_deleted(world: Codecs, connection: sa.engine.Connection) -> None:
    _, sample = one("user")
    only = {k: v for k, v in sample.items() if k not in ("local.name", "passwords")} | {"id": "only"}
    only["federated"] = [{"idp_id": "idp", "protocol_id": "saml2", "unique_id": "o", "display_name": None}]
    world.insert_many(connection, "user", [("only", only)])
    world.write(connection, "user", "only", only, {**only, "federated": []})
    assert rows(connection, "user", "id", id="only") == []


# 0.3: a project_endpoint without its endpoint breaks the catalog


def test_deleting_an_endpoint_takes_its_project_endpoints(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    world.delete(connection, "endpoint", [one("endpoint")[0]])
    assert rows(connection, "project_endpoint", "project_id") == []


# 0.6: credentials travel in plain text and are closed with the local primary key


def test_a_credential_is_stored_encrypted_with_its_key_hash(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    key, document = one("credential")
    assert rows(connection, "credential", "encrypted_blob", "key_hash", id=key) == [
        (f"sealed:{document['blob']}", "hash-of-primary")
    ]


def test_an_unchanged_blob_is_not_encrypted_again(world: Codecs, connection: sa.engine.Connection) -> None:
    key, document = one("credential")
    execute(connection, "UPDATE credential SET key_hash = 'older'")
    world.write(connection, "credential", key, document, {**document, "extra.note": "changed"})
    assert rows(connection, "credential", "key_hash", id=key) == [("older",)]


def test_every_unreadable_credential_is_named(
    engine: sa.engine.Engine, world: Codecs, connection: Any
) -> None:
    class NoKey:
        def decrypt(self, blob: str) -> str:
            raise CredentialUnreadable("no", hint="bring the key")

        def encrypt(self, text: str) -> tuple[str, str]:
            return text, ""

    key, _ = one("credential")
    with pytest.raises(CredentialUnreadable) as caught:
        Codecs(world.schema, NoKey()).load(connection, "credential", [key])
    assert caught.value.fields["keys"] == [key]
    assert "sealed" not in str(caught.value)


# 0.7: revocation events are pruned by number and known by content


def test_a_mark_of_a_pruned_event_means_nothing(world: Codecs, connection: sa.engine.Connection) -> None:
    ((number,),) = rows(connection, "revocation_event", "id")
    key, _ = one("revocation_event")
    marks = [str(number), str(number + 1000)]
    assert world.resolve_marks(connection, "revocation_event", marks) == {marks[0]: key, marks[1]: None}
    assert world.resolve_marks(connection, "role", ["a"]) == {"a": "a"}


def test_equal_events_are_one_record_and_go_together(world: Codecs, connection: sa.engine.Connection) -> None:
    key, document = one("revocation_event")
    world.insert_many(connection, "revocation_event", [(key, document)])
    assert world.keys(connection, "revocation_event", None, 10) == [key]
    world.delete(connection, "revocation_event", [key])
    assert rows(connection, "revocation_event", "id") == []


def test_events_of_the_same_second_are_all_listed(world: Codecs, connection: sa.engine.Connection) -> None:
    _, document = one("revocation_event")
    kind = REGISTRY["revocation_event"]
    more = [{**document, "audit_id": str(number)} for number in range(7)]
    more += [{**document, "issued_before": "2026-03-04T05:06:08Z", "audit_id": str(n)} for n in range(3)]
    world.insert_many(connection, kind.name, [(kind.key_of(item), item) for item in more])
    expected = sorted([kind.key_of(document), *(kind.key_of(item) for item in more)])
    for size in (1, 2, 3, 5, 11, 50):
        found: list[str] = []
        while page := world.keys(connection, kind.name, found[-1] if found else None, size):
            assert len(page) <= size
            found += page
        assert found == expected


def test_an_event_with_a_fraction_of_a_second_is_found_by_its_key(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    execute(connection, "UPDATE revocation_event SET issued_before = '2026-03-04 05:06:07.000000'")
    if connection.dialect.name != "mysql":
        execute(connection, "UPDATE revocation_event SET issued_before = '2026-03-04 05:06:07.250000'")
    key, document = one("revocation_event")
    assert world.load(connection, "revocation_event", [key]) == {key: document}


# encodings


def test_an_empty_extra_is_an_empty_object(world: Codecs, connection: sa.engine.Connection) -> None:
    for kind, key in (("region", "cell"), ("user", LDAP_USER)):
        assert rows(connection, kind, "extra", id=key) == [("{}",)]


@pytest.mark.parametrize("stored", [None, "null", "{}"])
def test_any_form_of_an_empty_extra_is_read_as_no_fields(
    world: Codecs, connection: sa.engine.Connection, stored: str | None
) -> None:
    execute(connection, "UPDATE region SET extra = :extra", extra=stored)
    found = world.load(connection, "region", ["cell"])["cell"]
    assert not [name for name in found if name.startswith("extra.")]


def test_removing_the_last_extra_field_leaves_an_empty_object(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    key, document = one("service")
    world.write(
        connection, "service", key, document, {k: v for k, v in document.items() if k != "extra.name"}
    )
    assert rows(connection, "service", "extra", id=key) == [("{}",)]


def test_mapping_rules_are_encoded_twice(world: Codecs, connection: sa.engine.Connection) -> None:
    key, document = one("mapping")
    ((stored,),) = rows(connection, "mapping", "rules", id=key)
    assert json.loads(json.loads(stored)) == document["rules"]


def test_rules_that_were_encoded_once_are_read_too(world: Codecs, connection: sa.engine.Connection) -> None:
    key, document = one("mapping")
    execute(connection, "UPDATE mapping SET rules = :rules", rules=json.dumps(document["rules"]))
    assert world.load(connection, "mapping", [key])[key]["rules"] == document["rules"]


def test_role_ids_are_json_in_a_text_column(world: Codecs, connection: sa.engine.Connection) -> None:
    ((stored,),) = rows(connection, "access_token", "role_ids")
    assert json.loads(stored)[0] == ROLE
    assert rows(connection, "request_token", "role_ids") == [(None,)]


def test_the_type_of_a_grant_goes_into_an_enumeration(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    assert sorted(rows(connection, "assignment", "type")) == [("GroupDomain",), ("UserProject",)]
    key = REGISTRY["assignment"].make_key("UserProject", USER, "p" * 32, ROLE, False)
    assert list(world.load(connection, "assignment", [key])) == [key]


def test_a_boolean_may_be_null(world: Codecs, connection: sa.engine.Connection) -> None:
    for kind, field in (("project", "enabled"), ("application_credential", "unrestricted")):
        key, document = one(kind)
        assert document[field] is None
        assert world.load(connection, kind, [key])[key][field] is None


def test_a_global_role_has_a_token_instead_of_null(world: Codecs, connection: sa.engine.Connection) -> None:
    key, document = one("role")
    assert document["domain_id"] is None
    assert rows(connection, "role", "domain_id", id=key) == [("<<null>>",)]


def test_the_root_domain_is_never_seen(world: Codecs, connection: sa.engine.Connection) -> None:
    assert rows(connection, "project", "id", id=ROOT_DOMAIN) == [(ROOT_DOMAIN,)]
    for kind in ("domain", "project"):
        assert ROOT_DOMAIN not in world.keys(connection, kind, None, 100)
        assert world.load(connection, kind, [ROOT_DOMAIN]) == {}
        assert world.lock(connection, kind, [ROOT_DOMAIN]) == []
        world.delete(connection, kind, [ROOT_DOMAIN])
    assert rows(connection, "project", "id", id=ROOT_DOMAIN) == [(ROOT_DOMAIN,)]


def test_domains_and_projects_share_a_table_and_are_told_apart(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    domain, project = one("domain")[0], one("project")[0]
    assert world.load(connection, "project", [domain]) == {}
    assert world.load(connection, "domain", [project]) == {}
    world.delete(connection, "domain", [project])
    assert project in world.load(connection, "project", [project])
    assert world.load(connection, "project", [project])[project]["tags"] == []


def test_a_password_keeps_both_of_its_times(world: Codecs, connection: sa.engine.Connection) -> None:
    found = rows(connection, "password", "created_at_int", "created_at", "expires_at_int", "expires_at")
    first = min(found)
    assert first[0] == 1700000000123456
    assert str(first[1]).startswith("2023-11-14 22:13:20")
    assert first[2] == 1700000001123456
    assert str(first[3]).startswith("2023-11-14 22:13:21")


def test_an_old_password_without_the_integer_expiry_is_read_by_the_other_column(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    execute(
        connection,
        "UPDATE password SET expires_at_int = NULL, expires_at = '2023-11-14 22:13:21.000000'",
    )
    for password in world.load(connection, "user", [USER])[USER]["passwords"]:  # type: ignore[union-attr]
        assert password["expires_at_int"] == 1700000001000000  # type: ignore[call-overload,index]


def test_failed_logins_stay_at_their_site(world: Codecs, connection: sa.engine.Connection) -> None:
    execute(connection, "UPDATE local_user SET failed_auth_count = 3")
    key, document = one("user")
    assert world.load(connection, "user", [key]) == {key: document}
    world.write(connection, "user", key, document, {**document, "local.name": "renamed"})
    assert rows(connection, "local_user", "failed_auth_count", "name") == [(3, "renamed")]


def test_changing_one_password_leaves_the_other_row_alone(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    before = dict(rows(connection, "password", "password_hash", "id"))
    key, document = one("user")
    passwords: Any = json.loads(json.dumps(document["passwords"]))
    passwords[1]["expires_at_int"] = 1700000002000000
    added = {**passwords[1], "created_at_int": 1700000003000000, "password_hash": "third"}
    world.write(connection, "user", key, document, {**document, "passwords": [*passwords, added]})
    after = dict(rows(connection, "password", "password_hash", "id"))
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"third"}


def test_a_user_that_moves_to_another_domain_takes_its_name_along(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    key, document = one("user")
    world.write(connection, "user", key, document, {**document, "domain_id": "elsewhere"})
    assert rows(connection, "local_user", "domain_id", user_id=key) == [("elsewhere",)]
    assert world.load(connection, "user", [key])[key]["domain_id"] == "elsewhere"


def test_a_local_user_can_become_a_nonlocal_one(world: Codecs, connection: sa.engine.Connection) -> None:
    key, document = one("user")
    new = {k: v for k, v in document.items() if k not in ("local.name", "passwords")}
    new["nonlocal.name"] = "jo"
    world.write(connection, "user", key, document, new)
    assert world.load(connection, "user", [key]) == {key: new}
    assert rows(connection, "password", "id") == []
    world.write(connection, "user", key, new, document)
    assert world.load(connection, "user", [key]) == {key: document}


def test_a_policy_association_is_found_by_its_triple_of_nulls(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    key = REGISTRY["policy_association"].make_key("e" * 32, None, None)
    assert key == "e" * 32 + "//"
    document = world.load(connection, "policy_association", [key])[key]
    world.write(connection, "policy_association", key, document, {**document, "policy_id": "other"})
    assert world.load(connection, "policy_association", [key])[key]["policy_id"] == "other"
    assert rows(connection, "policy_association", "policy_id", endpoint_id="e" * 32) == [("other",)]


def test_a_soft_deleted_trust_is_a_record_with_a_date(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    key, document = one("trust")
    deleted = {**document, "deleted_at": "2026-05-06T07:08:09Z"}
    world.write(connection, "trust", key, document, deleted)
    assert world.load(connection, "trust", [key]) == {key: deleted}


def test_roles_left_by_a_flushed_trust_do_not_stop_a_new_one(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    key, document = one("trust")
    execute(connection, "DELETE FROM trust")
    world.insert_many(connection, "trust", [(key, document)])
    assert world.load(connection, "trust", [key]) == {key: document}


def test_an_application_credential_waits_for_its_access_rule(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    _, document = one("application_credential")
    new: Document = {**document, "id": "other", "name": "other", "access_rules": ["missing"]}
    with pytest.raises(BadDocument, match="access_rule missing"):
        world.insert_many(connection, "application_credential", [("other", new)])


def test_replacing_the_options_of_a_domain_config_moves_them_between_tables(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    key, document = one("domain_config")
    new: Document = {"domain_id": key, "sensitive.ldap/url": "ldap://hidden", "whitelisted.a%2Fb/c": [1]}
    world.write(connection, "domain_config", key, document, new)
    assert world.load(connection, "domain_config", [key]) == {key: new}
    assert rows(connection, "sensitive_config", "group", "option") == [("ldap", "url")]
    assert rows(connection, "whitelisted_config", "group", "option") == [("a/b", "c")]


def test_what_this_database_cannot_hold_is_refused_beforehand(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    _, document = one("project")
    wide: Document = {**document, "tags": ["😀"]}
    twins: Document = {**document, "tags": ["A", "a"]}
    if connection.dialect.name in ("mysql", "mariadb"):
        assert None not in world.refusals(connection, "project", [wide, twins])
    else:
        for good in (wide, twins):
            world.check("project", good)
            world.write(connection, "project", "p" * 32, document, good)
            assert world.load(connection, "project", ["p" * 32]) == {"p" * 32: good}
            document = good
    if connection.dialect.name == "postgresql":
        with pytest.raises(BadDocument, match="NUL"):
            world.check("project", {**document, "description": "a\0b"})


def test_a_name_keeps_its_unicode_form(world: Codecs, connection: sa.engine.Connection) -> None:
    _, document = one("group")
    name = unicodedata.normalize("NFD", "é")
    new = {**document, "id": "nfd", "name": name}
    world.insert_many(connection, "group", [("nfd", new)])
    assert world.load(connection, "group", ["nfd"])["nfd"]["name"] == name


def test_keys_of_the_world_are_within_their_size() -> None:
    assert all(len(key) <= 700 for kind in REGISTRY for key, _ in items_of(kind))
