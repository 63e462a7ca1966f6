"""The declarations against what Keystone's migrations really make, on every engine."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect, unknown_field
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.reference import ItemReference, ListReference, ParentReference, Reference
from keystone_viaduct.kinds.registry import EXCLUDED, OWN_PREFIX, REGISTRY
from keystone_viaduct.kinds.shape import Child

Columns = tuple[str, ...]
ForeignKey = tuple[str, Columns, str, Columns]


def foreign_keys(engine: sa.engine.Engine) -> dict[ForeignKey, bool]:
    """(table, columns, table referred to, its columns) -> whether it is ON DELETE CASCADE."""
    inspector = sa.inspect(engine)
    return {
        (
            table,
            tuple(found["constrained_columns"]),
            found["referred_table"],
            tuple(found["referred_columns"]),
        ): (found["options"].get("ondelete") or "").upper() == "CASCADE"
        for table in inspector.get_table_names()
        for found in inspector.get_foreign_keys(table)
    }


def columns_of(kind: Kind) -> dict[str, set[str]]:
    """Table -> the columns that the declaration accounts for."""
    found: dict[str, set[str]] = {table: set() for table in kind.tables}
    root = found[kind.table]
    root |= {name for spec in kind.fields for name in spec.columns} | set(kind.constants)
    root |= {"extra"} if kind.extra else set()
    root |= {kind.surrogate} if kind.surrogate else set()
    for child in kind.children:
        table = found[child.table]
        table |= {name for spec in child.fields for name in spec.columns} | set(child.volatile)
        table |= {here for here, _ in child.join}
        table |= {child.surrogate} if child.surrogate else set()
    return found


def test_every_table_belongs_to_a_kind_or_is_excluded_with_a_reason(engine: sa.engine.Engine) -> None:
    covered = {table for kind in REGISTRY.values() for table in kind.tables}
    tables = {name for name in sa.inspect(engine).get_table_names() if not name.startswith(OWN_PREFIX)}
    assert tables == covered | set(EXCLUDED)
    assert not covered & set(EXCLUDED)
    assert all(EXCLUDED.values())


@pytest.mark.parametrize("kind", REGISTRY)
def test_every_column_is_accounted_for(engine: sa.engine.Engine, kind: str) -> None:
    for table, columns in columns_of(REGISTRY[kind]).items():
        assert {item["name"] for item in sa.inspect(engine).get_columns(table)} == columns


@pytest.mark.parametrize("kind", REGISTRY)
def test_sizes_and_required_fields_are_those_of_the_columns(engine: sa.engine.Engine, kind: str) -> None:
    declared = REGISTRY[kind]
    tables: list[tuple[str, Any]] = [(declared.table, declared.fields)]
    tables += [(child.table, child.fields) for child in declared.children if child.lookup is None]
    for table, specs in tables:
        here = {item["name"]: item for item in sa.inspect(engine).get_columns(table)}
        for spec in specs:
            column = here[spec.stored]
            if not isinstance(column["type"], sa.Enum):
                assert spec.size in (None, getattr(column["type"], "length", None)), (table, spec.name)
            if spec.required and spec.stored not in ("external_id", "created_at_int"):
                assert not column["nullable"], (table, spec.name)
            elif not column["nullable"]:
                assert (
                    spec.null_token or spec.default is not None or spec.type.value == "json" or spec.required
                )


def declared_references() -> dict[ForeignKey, str]:
    """The real foreign keys that the registry speaks of, between kinds."""
    found: dict[ForeignKey, str] = {}
    for kind in REGISTRY.values():
        for reference in kind.references:
            if reference.foreign_key:
                found.update(dict.fromkeys(_foreign_keys_of(kind, reference), kind.name))
    return found


def _foreign_keys_of(kind: Kind, reference: Reference) -> list[ForeignKey]:
    target = REGISTRY[reference.target]
    if isinstance(reference, (ItemReference, ListReference)):
        child = next(child for child in kind.children if child.field == reference.field)
        if child.lookup is not None:
            return [(child.table, (child.fields[0].stored,), child.lookup.table, (child.lookup.surrogate,))]
        names = reference.items if isinstance(reference, ItemReference) else (child.fields[0].name,)
        return [(child.table, names, target.table, target.key)]
    return [(kind.table, (reference.field,), target.table, target.key)]


def declared_children() -> dict[ForeignKey, bool]:
    """The joins of child tables -> whether the declaration says that the database removes their rows."""
    found: dict[ForeignKey, bool] = {}
    for kind in REGISTRY.values():
        for child in kind.children:
            parent = child.parent or kind.table
            here, there = zip(*child.join, strict=True)
            if not kind.rootless and child.cascade:
                found[child.table, here, parent, there] = True
    return found


def test_foreign_keys_are_references_or_children_of_the_registry(engine: sa.engine.Engine) -> None:
    real = foreign_keys(engine)
    declared = {*declared_references(), *declared_children()}
    only_on_sqlite = {("assignment", ("role_id",), "role", ("id",))}
    if engine.dialect.name == "sqlite":
        declared |= only_on_sqlite
    assert set(real) == declared


def test_cascades_of_the_registry_are_those_of_the_database(engine: sa.engine.Engine) -> None:
    real = {key for key, cascades in foreign_keys(engine).items() if cascades}
    declared = {key for key, cascades in declared_children().items() if cascades}
    for kind in REGISTRY.values():
        for cascade in kind.cascades:
            if cascade.enforced:
                here, there = zip(*cascade.join, strict=True)
                declared.add((cascade.table, here, cascade.source or kind.table, there))
                assert cascade.table in REGISTRY[cascade.kind].tables
    assert real == declared


def test_a_reference_without_a_foreign_key_is_never_called_hard(engine: sa.engine.Engine) -> None:
    real = set(foreign_keys(engine))
    for kind in REGISTRY.values():
        for reference in kind.references:
            plain = type(reference) in (Reference, ParentReference) and reference.target in REGISTRY
            if plain and not kind.rootless and REGISTRY[reference.target].key:
                key = (kind.table, (reference.field,), REGISTRY[reference.target].table, ("id",))
                if engine.dialect.name != "sqlite":
                    assert (key in real) is reference.foreign_key, key


def unique_columns(engine: sa.engine.Engine, table: str) -> set[frozenset[str]]:
    """Column sets that the database keeps unique."""
    inspector = sa.inspect(engine)
    found = {frozenset(item["column_names"]) for item in inspector.get_unique_constraints(table)}
    found |= {
        frozenset(str(name) for name in item["column_names"])
        for item in inspector.get_indexes(table)
        if item["unique"]
    }
    return found | {frozenset(inspector.get_pk_constraint(table)["constrained_columns"])}


def _constrained(kind: Kind, name: str, child: Child | None) -> str:
    if child is not None:
        return name.removeprefix(f"{child.field}.")
    spec = next(spec for spec in kind.fields if spec.name == name)
    return spec.mirror or spec.stored


@pytest.mark.parametrize("kind", [kind.name for kind in REGISTRY.values() if kind.natural])
def test_enforced_natural_keys_are_unique_constraints(engine: sa.engine.Engine, kind: str) -> None:
    declared = REGISTRY[kind]
    for natural in declared.natural:
        child = next((c for c in declared.children if c.table == natural.table), None)
        table = natural.table or declared.table
        names = natural.fields or (child.fields[0].name if child else "",)
        columns = {_constrained(declared, name, child) for name in names}
        if kind == "domain":
            columns.add("domain_id")
        assert (frozenset(columns) in unique_columns(engine, table)) is natural.enforced, natural


def test_a_column_of_a_later_release_becomes_a_field(databases: Any) -> None:
    with databases.scope() as scope:
        made = sa.create_engine(scope.keystone("sqlite"))
        with made.begin() as connection:
            for statement in (
                "ALTER TABLE role ADD COLUMN colour VARCHAR(8)",
                "ALTER TABLE service ADD COLUMN weight INTEGER DEFAULT 7 NOT NULL",
                "ALTER TABLE local_user ADD COLUMN nick VARCHAR(8)",
                "ALTER TABLE federated_user ADD COLUMN seen BOOLEAN",
            ):
                connection.exec_driver_sql(statement)
        later = Codecs(reflect(made), _NoCipher())
        assert {"colour"} == later.fields("role") - {*_fields("role")}
        assert later.defaults("service")["weight"] == 7
        document = {
            "id": "r",
            "name": "n",
            "domain_id": None,
            "description": None,
            "colour": "red",
        }
        user: dict[str, Any] = {
            "id": "u",
            "domain_id": "d",
            "enabled": True,
            "local.name": "n",
            "local.nick": "x",
            "federated": [
                {"idp_id": "i", "protocol_id": "p", "unique_id": "u", "display_name": None, "seen": True}
            ],
        }
        with made.begin() as connection:
            later.insert_many(connection, "role", [("r", document)])  # type: ignore[list-item]
            assert later.load(connection, "role", ["r"]) == {"r": document}
            later.insert_many(connection, "user", [("u", user)])
            found = later.load(connection, "user", ["u"])["u"]
            assert found["local.nick"] == "x"
            assert found["federated"] == user["federated"]
            later.write(connection, "user", "u", found, {**found, "local.nick": None})
            assert later.load(connection, "user", ["u"])["u"]["local.nick"] is None
        made.dispose()


def test_a_column_that_an_older_release_lacks_is_no_field(databases: Any) -> None:
    with databases.scope() as scope:
        made = sa.create_engine(scope.keystone("sqlite"))
        with made.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE mapping DROP COLUMN schema_version")
        older = Codecs(reflect(made), _NoCipher())
        assert "schema_version" not in older.fields("mapping")
        assert older.defaults("mapping") == {}
        with made.begin() as connection:
            older.insert_many(
                connection, "mapping", [("m", {"id": "m", "rules": [], "schema_version": "2.0"})]
            )
            assert older.load(connection, "mapping", ["m"]) == {"m": {"id": "m", "rules": []}}
        made.dispose()


def test_the_schema_is_read_once_per_engine(engine: sa.engine.Engine) -> None:
    assert reflect(engine) is reflect(engine)
    assert reflect(engine, fresh=True) is not None


def test_defaults_of_unknown_columns_are_literals(engine: sa.engine.Engine) -> None:
    column = reflect(engine).columns["service"]["enabled"]
    assert unknown_field(column).default is True
    column = reflect(engine).columns["password"]["created_at_int"]
    assert unknown_field(column).default == 0


class _NoCipher:
    def decrypt(self, blob: str) -> str:
        return blob

    def encrypt(self, text: str) -> tuple[str, str]:
        return text, ""


def _fields(kind: str) -> list[str]:
    declared = REGISTRY[kind]
    return [*declared.declared, *(f"{prefix}*" for prefix in declared.patterns)]
