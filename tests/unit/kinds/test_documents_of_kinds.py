"""The pure functions of a kind: keys, references, names, scope, re-keying, checks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.errors import BadDocument, BadKey
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.revocation import identify
from keystone_viaduct.kinds.value import KEY_SIZE, Document, join_key, key_part, part_key
from tests.unit.documents.world import DOMAIN, GROUP, LDAP_USER, PROJECT, ROLE, USER, WORLD, one

parts = st.lists(st.text(max_size=30), min_size=1, max_size=5)


@given(parts)
def test_a_key_gives_back_its_parts(values: list[str]) -> None:
    assert part_key(join_key(tuple(values)), "x", len(values)) == tuple(values)


@given(
    st.tuples(st.text(max_size=20), st.text(max_size=20)),
    st.tuples(st.text(max_size=20), st.text(max_size=20)),
)
def test_different_parts_make_different_keys(one_: tuple[str, str], two: tuple[str, str]) -> None:
    assert (join_key(one_) == join_key(two)) == (one_ == two)


def test_null_and_booleans_have_text_forms() -> None:
    assert join_key((None, True, False, "a/b%c", 7)) == "/1/0/a%2Fb%25c/7"
    assert REGISTRY["assignment"].make_key("UserProject", "a", "t", "r", False) == "UserProject/a/t/r/0"


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("user", "a/b"),
        ("assignment", "UserProject/a"),
        ("region", "a%2f"),
        ("region", "50%"),
        ("region", "%~short"),
        ("region", "%~" + "a" * 600 + "%25" * 50),
        ("user", "x" * 701),
    ],
)
def test_malformed_keys_are_refused(kind: str, key: str) -> None:
    with pytest.raises(BadKey):
        REGISTRY[kind].split_key(key)


@pytest.mark.parametrize("text", ["%" * 255, "/" * 255, "%/" * 127, "/" * 234, "%s~/" * 63, "%2F" * 85])
def test_the_longest_ids_that_keystone_takes_have_a_key_that_fits(text: str) -> None:
    for other in (text, text[:-1]):
        key = REGISTRY["region"].make_key(other)
        assert len(key) <= KEY_SIZE and REGISTRY["region"].split_key(key) == (other,)
    plain = text.replace("%", "%25").replace("/", "%2F")
    assert (key_part(text) == plain) == (len(plain) <= KEY_SIZE)


def test_an_overlong_key_is_not_made() -> None:
    with pytest.raises(BadKey, match="too long"):
        REGISTRY["region"].make_key("x" * 701)


def refs(kind: str, document: Document) -> set[tuple[str, str, Mode]]:
    return {(ref.kind, ref.key, ref.mode) for ref in REGISTRY[kind].references_of(document)}


def test_a_grant_refers_to_what_its_type_says() -> None:
    grant: Document = {
        "type": "GroupProject",
        "actor_id": "a",
        "target_id": "t",
        "role_id": "r",
        "inherited": True,
    }
    assert refs("assignment", grant) == {
        ("group", "a", Mode.OWNING),
        ("project", "t", Mode.OWNING),
        ("role", "r", Mode.OWNING),
    }
    by_field = {ref.field: ref.alternatives for ref in REGISTRY["assignment"].references_of(grant)}
    assert by_field["actor_id"] == ("id_mapping",) and by_field["target_id"] == ("domain",)


def test_a_user_refers_to_protocols_by_a_composite_key() -> None:
    _, user = one("user")
    assert refs("user", user) == {
        ("domain", DOMAIN, Mode.OWNING),
        ("project", PROJECT, Mode.NULLING),
        ("identity_provider", "idp", Mode.NULLING),
        ("federation_protocol", "saml2/idp", Mode.NULLING),
    }
    hard = {ref.kind for ref in REGISTRY["user"].references_of(user) if ref.hard}
    assert hard == {"identity_provider", "federation_protocol"}


def test_the_parent_of_a_project_is_a_domain_or_a_project() -> None:
    base: Document = {"id": "x", "domain_id": "d"}
    assert ("domain", "d", Mode.OWNING) in refs("project", {**base, "parent_id": "d"})
    assert ("project", "p", Mode.OWNING) in refs("project", {**base, "parent_id": "p"})


def test_references_inside_json_are_historical() -> None:
    assert refs("endpoint_group", one("endpoint_group")[1]) == {
        ("service", "s" * 32, Mode.HISTORICAL),
        ("region", one("region")[0], Mode.HISTORICAL),
    }
    assert ("group", GROUP, Mode.HISTORICAL) in refs("mapping", one("mapping")[1])
    assert ("trust", "tr", Mode.HISTORICAL) in refs("credential", one("credential")[1])


def test_a_totp_seed_is_not_taken_for_an_ec2_blob() -> None:
    _, document = one("credential")
    assert not [
        ref
        for ref in REGISTRY["credential"].references_of({**document, "type": "totp"})
        if ref.kind == "trust"
    ]
    assert REGISTRY["credential"].references_of({**document, "blob": "not json"})


def test_nulls_are_no_references() -> None:
    assert refs("region", {"id": "a", "parent_region_id": None}) == set()
    assert refs("revocation_event", {"user_id": None, "project_id": "p"}) == {
        ("project", "p", Mode.HISTORICAL)
    }


def test_natural_keys() -> None:
    def names(kind: str, document: Document) -> set[tuple[Any, ...]]:
        return {(value.name, *value.values) for value in REGISTRY[kind].natural_keys_of(document)}

    assert names("user", one("user")[1]) == {
        ("local_name", DOMAIN, "Jo ü"),
        ("federated", "idp", "saml2", "jo"),
    }
    assert names("role", {"name": "admin", "domain_id": None}) == {("name", "admin", None)}
    assert ("remote_id", "https://idp/a") in names("identity_provider", one("identity_provider")[1])
    assert names("limit", {"registered_limit_id": "r", "project_id": None, "domain_id": "d"}) == {
        ("domain", "r", "d")
    }
    assert names("registered_limit", {"service_id": "s", "region_id": None, "resource_name": "n"}) == {
        ("resource", "s", None, "n")
    }
    trust = one("trust")[1]
    assert names("trust", {**trust, "project_id": None}) == set()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("domain", ("domain", DOMAIN)),
        ("project", ("domain", DOMAIN)),
        ("user", ("domain", DOMAIN)),
        ("membership", ("via", "user", USER)),
        ("assignment", ("via", "user", USER)),
        ("credential", ("via", "user", USER)),
        ("limit", ("via", "project", PROJECT)),
        ("request_token", ("via", "project", PROJECT)),
        ("federation_protocol", ("via", "identity_provider", "idp")),
        ("service", None),
        ("mapping", None),
        ("revocation_event", None),
        ("role", None),
    ],
)
def test_scope(kind: str, expected: object) -> None:
    assert REGISTRY[kind].scope_of(one(kind)[1]) == expected


def test_scope_of_a_group_grant_and_a_domain_role() -> None:
    grant: Document = {
        "type": "GroupDomain",
        "actor_id": "g",
        "target_id": "d",
        "role_id": "r",
        "inherited": False,
    }
    assert REGISTRY["assignment"].scope_of(grant) == ("via", "group", "g")
    assert REGISTRY["role"].scope_of({"domain_id": "d"}) == ("domain", "d")
    assert REGISTRY["limit"].scope_of({"project_id": None, "domain_id": "d"}) == ("domain", "d")


MAPS = {
    "user": {USER: "U2", LDAP_USER: "L2"},
    "group": {GROUP: "G2"},
    "project": {PROJECT: "P2"},
    "domain": {DOMAIN: "D2"},
    "role": {ROLE: "R2"},
    "trust": {"tr": "T2"},
    "service": {"s" * 32: "S2"},
    "access_rule": {"ar": "AR2"},
}


@pytest.mark.parametrize("kind", REGISTRY)
def test_rekeying_leaves_no_old_id_behind(kind: str) -> None:
    old = [USER, LDAP_USER, GROUP, PROJECT, DOMAIN, ROLE, "s" * 32]
    for name, document in WORLD:
        if name != kind:
            continue
        before = json.dumps(document)
        text = json.dumps(REGISTRY[kind].rekey(document, MAPS))
        assert json.dumps(document) == before
        if kind != "id_mapping":  # its id is computed from its content
            assert not [value for value in old if value in text]


def test_rekeying_goes_into_json_and_lists() -> None:
    credential = REGISTRY["credential"].rekey(one("credential")[1], MAPS)
    assert json.loads(str(credential["blob"]))["trust_id"] == "T2"
    app_cred: Any = REGISTRY["application_credential"].rekey(one("application_credential")[1], MAPS)
    assert app_cred["roles"] == ["R2", "admin-role"] and app_cred["access_rules"] == ["AR2"]
    rules: Any = REGISTRY["mapping"].rekey(one("mapping")[1], MAPS)["rules"]
    assert rules[0]["local"][0]["group"] == {"id": "G2"} and rules[0]["local"][1]["group_ids"] == "G2"
    grant = REGISTRY["assignment"].rekey(one("assignment")[1], MAPS)
    assert REGISTRY["assignment"].key_of(grant) == "UserProject/U2/P2/R2/0"


def test_rekeying_an_ec2_blob_that_was_encoded_twice_keeps_both_layers() -> None:
    document: Document = {"id": "c", "type": "ec2", "blob": json.dumps(json.dumps({"trust_id": "tr"}))}
    blob = str(REGISTRY["credential"].rekey(document, MAPS)["blob"])
    assert json.loads(json.loads(blob)) == {"trust_id": "T2"}


def test_rekeying_leaves_the_text_of_an_unconcerned_blob_alone() -> None:
    document: Document = {"id": "c", "type": "ec2", "blob": '{ "access":"x" }'}
    assert REGISTRY["credential"].rekey(document, MAPS)["blob"] == '{ "access":"x" }'


def test_a_list_of_group_ids_in_a_rule_is_rewritten_and_a_placeholder_is_not() -> None:
    rules: Any = [{"local": [{"group_ids": f"['{GROUP}', 'x']"}, {"group_ids": "{1}"}]}]
    found: Any = REGISTRY["mapping"].rekey({"id": "m", "rules": rules}, MAPS)["rules"]
    assert found[0]["local"] == [{"group_ids": "['G2', 'x']"}, {"group_ids": "{1}"}]


def test_references_to_what_is_gone_are_taken_out() -> None:
    _, user = one("user")
    found = REGISTRY["user"].without(
        user, frozenset({("project", PROJECT), ("federation_protocol", "saml2/idp")})
    )
    assert found is not None
    assert found["default_project_id"] is None and found["federated"] == []
    assert user["default_project_id"] == PROJECT
    only = {name: value for name, value in user.items() if name not in ("local.name", "passwords")}
    assert REGISTRY["user"].without(only, frozenset({("identity_provider", "idp")})) is None


def test_rekeying_goes_by_keys_and_writes_ids() -> None:
    maps = {"region": {one("region")[0]: "A%2FB"}}
    for kind in ("endpoint", "endpoint_group", "policy_association"):
        found: Any = REGISTRY[kind].rekey(one(kind)[1], maps)
        assert found.get("region_id", found.get("filters", {}).get("region_id")) == "A/B"
    assert REGISTRY["region"].rekey(one("region")[1], maps)["id"] == "A/B"


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("role", {"name": None}, "name of a role is missing"),
        ("role", {"name": 7}, "is not text"),
        ("group", {"name": "x" * 65}, "longer than 64"),
        ("service", {"enabled": 1}, "not a boolean"),
        ("limit", {"resource_limit": True}, "not an integer"),
        ("user", {"created_at": "2026-01-01T00:00:00"}, "not a time"),
        ("user", {"created_at": "2026-13-01T00:00:00Z"}, "not a time"),
        ("user", {"last_active_at": "yesterday"}, "not a day"),
        ("user", {"passwords": "x"}, "not a list"),
        ("user", {"passwords": ["x"]}, "not an object"),
        ("user", {"passwords": [{"created_at_int": None}]}, "missing"),
        ("user", {"option.10000": True}, "1 to 4 characters"),
        ("user", {"local.name": None, "federated": []}, "local.name"),
        ("project", {"tags": [1]}, "not text"),
    ],
)
def test_bad_documents_are_refused(kind: str, change: Document, message: str) -> None:
    _, document = one(kind)
    with pytest.raises(BadDocument, match=message):
        REGISTRY[kind].check({**document, **change})


def test_fields_of_a_later_release_pass() -> None:
    _, document = one("role")
    REGISTRY["role"].check({**document, "colour": ["red"], "local.colour": 1})


def test_a_required_field_with_a_default_may_be_left_out_but_not_be_null() -> None:
    """Keystone 24 has no column for it; a default does not travel."""
    _, mapping = one("mapping")
    REGISTRY["mapping"].check({name: mapping[name] for name in ("id", "rules")})
    with pytest.raises(BadDocument, match="schema_version of a mapping is missing"):
        REGISTRY["mapping"].check({**mapping, "schema_version": None})


def test_the_key_of_an_event_is_its_time_and_content() -> None:
    key, document = one("revocation_event")
    kind = REGISTRY["revocation_event"]
    assert kind.split_key(key)[0] == document["issued_before"]
    assert kind.key_of({**document, "audit_id": "other"}) != key
    assert kind.key_of({name: value for name, value in document.items() if value is not None}) == key
    with pytest.raises(BadDocument):
        identify({})


def test_a_document_without_its_key_field_has_no_key() -> None:
    with pytest.raises(BadDocument, match="idp_id"):
        REGISTRY["federation_protocol"].key_of({"id": "x"})


def test_a_reference_to_an_operator_chosen_id_is_escaped_as_its_key_is() -> None:
    endpoint = one("endpoint")[1]
    found = next(ref.key for ref in REGISTRY["endpoint"].references_of(endpoint) if ref.kind == "region")
    assert found == one("region")[0] == key_part(endpoint["region_id"])
