"""Who refers to whom, and who holds a name."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.errors import KindError, SchemaMissing, UnknownKind
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from tests.unit.documents.world import CHILD_PROJECT, DOMAIN, GROUP, LDAP_USER, PROJECT, USER, WORLD, one

ALL_MODES = frozenset(Mode)


def test_referrers_are_exactly_the_references_of_all_documents(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    expected: dict[Mode, set[tuple[str, str, tuple[str, str]]]] = {mode: set() for mode in Mode}
    targets = {(name, REGISTRY[name].key_of(document)) for name, document in WORLD}
    for name, document in WORLD:
        for ref in REGISTRY[name].references_of(document):
            if (ref.kind, ref.key) in targets:
                expected[ref.mode].add((name, REGISTRY[name].key_of(document), (ref.kind, ref.key)))
    for mode in Mode:
        assert set(world.referrers(connection, sorted(targets), {mode})) == expected[mode]
    everything = set().union(*expected.values())
    assert set(world.referrers(connection, sorted(targets), ALL_MODES)) == everything


def test_referrers_of_nothing_are_none(world: Codecs, connection: sa.engine.Connection) -> None:
    assert world.referrers(connection, [], ALL_MODES) == []
    assert world.referrers(connection, [("user", "nobody")], ALL_MODES) == []


def test_a_grant_refers_to_a_user_or_a_group_by_its_type(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    found = world.referrers(connection, [("group", USER), ("user", GROUP)], {Mode.OWNING})
    assert found == []


def test_every_natural_key_is_held_by_its_record(world: Codecs, connection: sa.engine.Connection) -> None:
    checked = set()
    for name, document in WORLD:
        kind = REGISTRY[name]
        for value in kind.natural_keys_of(document):
            found = world.holders(connection, name, value.name, [value.values])
            assert found == {value.values: kind.key_of(document)}, (name, value)
            checked.add((name, value.name))
    declared = {(kind.name, natural.name) for kind in REGISTRY.values() for natural in kind.natural}
    assert declared - checked == {("limit", "domain")}


def test_names_that_nobody_holds_are_missing_from_the_answer(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    values: list[tuple[object, ...]] = [(DOMAIN, f"nobody{number}") for number in range(120)]
    values.append((DOMAIN, "web"))
    assert world.holders(connection, "project", "name", values) == {(DOMAIN, "web"): PROJECT}  # type: ignore[arg-type]
    assert world.holders(connection, "project", "name", []) == {}


def test_equality_of_names_is_the_databases_own(world: Codecs, connection: sa.engine.Connection) -> None:
    found = world.holders(connection, "project", "name", [(DOMAIN, "WEB")])
    folds = connection.dialect.name in ("mysql", "mariadb")
    assert found == ({(DOMAIN, "WEB"): PROJECT} if folds else {})
    assert world.schema.folds_case is folds


def test_keys_that_only_the_collation_holds_equal_are_different_records(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    assert world.load(connection, "region", ["CELL"]) == {}
    assert world.lock(connection, "region", ["CELL"]) == []
    found = world.holders(connection, "region", "id", [("CELL",)])
    assert found == ({("CELL",): "cell"} if world.schema.folds_case else {})


def test_an_unknown_constraint_or_kind_is_named_in_the_error(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    with pytest.raises(KindError, match="colour"):
        world.holders(connection, "project", "colour", [])
    with pytest.raises(UnknownKind, match="planet"):
        world.load(connection, "planet", ["x"])


def test_enforced_natural_keys_are_refused_by_the_database(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    keys = ["key"] if world.schema.folds_case else []
    names = ["local_name", "nonlocal_name", "federated"]
    assert [natural.name for natural in world.enforced("user")] == names + keys
    assert [natural.name for natural in world.enforced("registered_limit")] == keys
    _, document = one("group")
    with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
        world.insert_many(connection, "group", [("other", {**document, "id": "other"})])


def test_defaults_are_what_the_columns_hold_when_nothing_is_given(codecs: Codecs) -> None:
    assert codecs.defaults("service") == {"type": None, "enabled": True}
    assert codecs.defaults("mapping") == {"schema_version": "1.0"}
    assert codecs.defaults("project")["tags"] == []
    assert "name" not in codecs.defaults("project")


def test_deleting_a_whole_set_of_users_takes_few_statements(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    statements: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda c, k, s, *r: statements.append(s))
    world.load(connection, "user", [USER, LDAP_USER] + [f"u{n}" for n in range(400)])
    assert len(statements) == 6


def test_the_parent_of_a_top_project_is_its_domain(world: Codecs, connection: sa.engine.Connection) -> None:
    found = world.referrers(connection, [("domain", DOMAIN), ("project", PROJECT)], {Mode.OWNING})
    assert ("project", PROJECT, ("domain", DOMAIN)) in found
    assert ("project", CHILD_PROJECT, ("project", PROJECT)) in found
    assert ("project", PROJECT, ("project", PROJECT)) not in found


def test_a_database_without_keystone_says_so() -> None:
    from keystone_viaduct.documents.schema import reflect

    with pytest.raises(SchemaMissing, match="no tables of Keystone"):
        reflect(sa.create_engine("sqlite://"))


def test_pages_of_grants_follow_the_order_of_the_enumeration(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    kind = REGISTRY["assignment"]
    grants: list[Document] = [
        {"type": name, "actor_id": f"a{n}", "target_id": "t", "role_id": "r", "inherited": inherited}
        for name in ("GroupDomain", "UserProject", "GroupProject", "UserDomain")
        for n in range(3)
        for inherited in (False, True)
    ]
    items = [(kind.key_of(grant), grant) for grant in grants]
    world.insert_many(connection, "assignment", items)
    everything = world.keys(connection, "assignment", None, 100)
    assert {key for key, _ in items} < set(everything)
    for size in (1, 5, 7):
        found: list[str] = []
        while page := world.keys(connection, "assignment", found[-1] if found else None, size):
            found += page
        assert found == everything
