"""What a database can't hold is said before it is asked, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.kinds.raw import settled
from keystone_viaduct.kinds.reference import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import JSON, Document
from tests.unit.documents.world import one

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

PENGUIN = "penguin-🐧"
TEXT_BYTES = 65_535
ROLES = ["R" * 32, "r" * 32]
LONG_RULES: list[JSON] = [
    {
        "local": [{"user": {"name": "{0}"}}, {"group": {"id": f"{number:032x}"}}],
        "remote": [{"type": "REMOTE_USER"}, {"type": "HTTP_GROUP", "any_one_of": [f"group {number}"]}],
    }
    for number in range(450)
]

VALUES: list[tuple[str, str, Any]] = [
    ("role", "name", PENGUIN),
    ("role", "name", "nul\0"),
    ("role", "name", "half \ud83d"),
    ("role", "name", "n" * 255),
    ("role", "name", "n" * 256),
    ("role", "name", "é" * 255),
    ("role", "description", "d" * 300),
    ("role", "extra.note", PENGUIN),
    ("role", "extra.note", "nul\0 and half \ud83d"),
    ("role", "extra.note", "x" * (TEXT_BYTES - 30)),
    ("role", "extra.note", "é" * 11_000),
    ("role", "extra.note", "é" * 10_000),
    ("role", "option.IMMU", "x" * 70_000),
    ("role", "option.IMMU", "x" * (TEXT_BYTES - 2)),
    ("role", "option.IMMU", "x" * (TEXT_BYTES - 1)),
    ("region", "id", PENGUIN),
    ("region", "id", "i" * 256),
    ("project", "description", "d" * TEXT_BYTES),
    ("project", "description", "d" * (TEXT_BYTES + 1)),
    ("project", "description", "é" * (TEXT_BYTES // 2)),
    ("project", "description", "é" * (TEXT_BYTES // 2 + 1)),
    ("project", "description", "字" * (TEXT_BYTES // 3)),
    ("project", "description", "字" * (TEXT_BYTES // 3) + "a"),
    ("project", "tags", ["cafe", "café"]),
    ("project", "tags", ["A", "a"]),
    ("project", "tags", ["blank", "blank "]),
    ("project", "tags", ["", " "]),
    ("project", "tags", ["penguin-?", PENGUIN]),
    ("project", "tags", ["penguin", "penguin-?"]),
    ("project", "tags", ["t" * 256]),
    ("project", "tags", ["nul\0"]),
    ("project", "option.immu", True),
    ("mapping", "rules", LONG_RULES),
    ("mapping", "rules", LONG_RULES[:200]),
    ("mapping", "rules", LONG_RULES[:230]),
    ("credential", "blob", "b" * 48_000),
    ("credential", "blob", "b" * 49_000),
    ("credential", "blob", "b" * 60_000),
    ("credential", "blob", PENGUIN + "nul\0"),
    ("credential", "blob", "half \ud83d"),
    ("identity_provider", "remote_ids", ["https://other/A", "https://other/a"]),
    ("identity_provider", "authorization_ttl", 2**31 - 1),
    ("identity_provider", "authorization_ttl", 2**31),
    ("identity_provider", "authorization_ttl", -(2**31) - 1),
    ("registered_limit", "default_limit", 2**40),
    ("trust", "expires_at_int", 2**62),
    ("trust", "expires_at_int", -(10**16)),
    ("trust", "expires_at_int", -(10**18)),
    ("trust", "expires_at_int", 253_402_300_799_000_000),
    ("trust", "roles", ROLES),
    ("trust", "deleted_at", "9999-12-31T23:59:59Z"),
    ("trust", "deleted_at", "1000-01-01T00:00:00Z"),
    ("application_credential", "expires_at", 2**63 - 1),
    ("application_credential", "expires_at", 2**63),
    ("application_credential", "roles", ROLES),
    ("id_mapping", "entity_type", "pet"),
    ("id_mapping", "local_id", "uid=🐧"),
    ("user", "local.name", "n" * 256),
    ("user", "local.name", PENGUIN),
    ("user", "last_active_at", "9999-12-31"),
    ("user", "passwords", [{"created_at_int": 10**18, "password_hash": "h", "self_service": False}]),
    ("user", "passwords", [{"created_at_int": 10**15, "password_hash": PENGUIN, "self_service": False}]),
    ("domain_config", "whitelisted.ldap/url", "u" * 70_000),
    ("domain_config", "whitelisted.LDAP/url", "in another case"),
    ("domain_config", "whitelisted.ldap/🐧", "wide"),
    ("domain_config", f"whitelisted.{'g' * 256}/url", "long"),
    ("endpoint_group", "filters", {"interface": "x" * 70_000}),
    ("policy", "blob", "x" * 65_000),
    ("policy", "blob", "x" * 66_000),
    ("service_provider", "auth_url", "https://" + "a" * 250),
]


@pytest.fixture(scope="module")
def codecs(engine: sa.engine.Engine, tmp_path_factory: pytest.TempPathFactory) -> Codecs:
    """With credentials encrypted as Keystone does it."""
    return Codecs(reflect(engine), KeyRepositoryCipher(tmp_path_factory.mktemp("no-keys")))


def changed(kind: str, field: str, value: Any) -> tuple[str, Document]:
    """A record of the kind with this field, beside the one of the world."""
    document: Document = dict(one(kind)[1])
    for name, text in (("name", "a name"), ("local.name", "another"), ("local_id", "uid=y")):
        if name in document:
            document[name] = text
    key = REGISTRY[kind].key[0]
    if kind != "domain_config":
        document[key] = "an id"
    if kind == "identity_provider":
        document["remote_ids"] = []
    if kind == "trust":
        document["remaining_uses"], document["expires_at_int"] = 7, 1_800_000_000_000_000
    document.pop("federated", None)
    document[field] = settled(value) if field.startswith("extra.") else value
    return REGISTRY[kind].key_of(document), document


def written(world: Codecs, connection: sa.engine.Connection, kind: str, key: str, document: Document) -> bool:
    """Whether the database takes it, and gives it back as it was."""
    nested = connection.begin_nested()
    try:
        if kind == "domain_config":
            world.delete(connection, kind, [key])
        world.insert_many(connection, kind, [(key, document)])
        found = world.load(connection, kind, [key])[key]
        return all(found.get(name) == value for name, value in document.items() if name != "passwords")
    except (sa.exc.DBAPIError, sa.exc.StatementError, ValueError, OverflowError):
        return False
    finally:
        nested.rollback()


def shown(case: tuple[str, str, Any]) -> str:
    kind, field, value = case
    text = value if isinstance(value, str) else json.dumps(value)
    size = f" ({len(text)})" if len(text) > 24 else ""
    return f"{kind}.{field[:30]}={text[:24]!a}{size}"


@pytest.mark.parametrize("case", VALUES, ids=shown)
def test_what_is_refused_is_what_the_database_does_not_take(
    world: Codecs, connection: sa.engine.Connection, case: tuple[str, str, Any]
) -> None:
    kind, field, value = case
    key, document = changed(kind, field, value)
    (error,) = world.refusals(connection, kind, [document])
    taken = written(world, connection, kind, key, document)
    assert (error is None) is taken, error
    if error is not None:
        named = error.fields["field"]
        assert named.split(".")[0].split("[")[0] == field.split(".")[0].split("[")[0]
        assert error.fields["kind"] == kind and error.hint


def test_a_limit_is_named(world: Codecs, connection: sa.engine.Connection) -> None:
    if connection.dialect.name not in ("mysql", "mariadb"):
        pytest.skip("no column of bytes here")
    _, document = changed("project", "description", "d" * 70_000)
    (error,) = world.refusals(connection, "project", [document])
    assert error is not None and error.fields["limit"] == TEXT_BYTES
    assert "takes 70000 bytes, more than the 65535 of its column" in error.message


def test_the_members_of_many_records_are_compared_in_one_statement(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    documents = [changed("project", "tags", [f"café {n}", f"cafe {n}"])[1] for n in range(60)]
    documents += [changed("project", "tags", [f"café {n}", f"tea {n}"])[1] for n in range(60)]
    world.refusals(connection, "project", documents[:1])
    seen: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda *args: seen.append(args[2]))
    found = world.refusals(connection, "project", documents)
    folds = world.schema.folds_case
    assert [error is not None for error in found] == [folds] * 60 + [False] * 60
    assert len(seen) <= 1


def test_keys_that_no_column_holds_are_asked_for_without_an_error(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    for text in (PENGUIN, "nul\0", "half \ud83d"):
        for kind in REGISTRY.values():
            if kind.insert_only:
                continue
            key = kind.make_key(*[text] * len(kind.key))
            if kind.name in ("assignment", "system_assignment"):
                key = kind.make_key("UserProject", text, text, text, False)
            assert world.load(connection, kind.name, [key]) == {}
            assert world.lock(connection, kind.name, [key]) == []
            world.delete(connection, kind.name, [key])
            if len(kind.key) == 1:
                assert world.referrers(connection, [(kind.name, key)], frozenset(Mode)) == []


def test_a_reference_that_only_the_database_takes_for_equal_is_found(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    """Keystone on MySQL lets an endpoint name its region in another case."""
    key, document = one("endpoint")
    folds = world.schema.folds_case
    region = "CELL" if folds else "cell"
    world.write(connection, "endpoint", key, document, {**document, "region_id": region})
    found = world.referrers(connection, [("region", "cell")], frozenset({Mode.OWNING}))
    assert ("endpoint", key, ("region", "cell")) in found
    assert world.load(connection, "endpoint", [key])[key]["region_id"] == "cell"
