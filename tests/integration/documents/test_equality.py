"""Whether two names are equal is what a UNIQUE index of the very database says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.equality import ServerFolding
from keystone_viaduct.documents.names import KEY
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from keystone_viaduct.sync.adopt.inventory import DatabaseInventory
from keystone_viaduct.sync.adopt.names import Held
from tests.support.databases import DatabaseScope
from tests.support.near import NAMED, PAIRS, WIDE, ZERO, holding
from tests.unit.documents.world import DOMAIN, USER, one

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

ALPHABET = "aAáÁbBßsSiIıİ ~\t\u0301\u00ad\u200d\u00a0éĳŉøØoODdĐ字Ⅷﬁ٠0"
NEAR = st.text(st.sampled_from(ALPHABET), max_size=6)


def test_every_natural_key_that_a_database_enforces_is_tried_here() -> None:
    """But a trust's: it is made of ids and of a time."""
    enforced = {(k.name, n.name) for k in REGISTRY.values() for n in k.natural if n.enforced}
    assert enforced - {("trust", "duplicate")} == set(NAMED)


def keyed(codecs: Codecs) -> list[str]:
    """The kinds whose keys this database may take for equal."""
    return [kind for kind in codecs.kinds if any(n.name == KEY for n in codecs.enforced(kind))]


def refused(
    codecs: Codecs, connection: sa.engine.Connection, kind: str, documents: Sequence[Document]
) -> bool:
    """Whether the database says that they can't be there together."""
    keys = [REGISTRY[kind].key_of(document) for document in documents]
    nested = connection.begin_nested()
    try:
        for key, document in zip(keys, documents, strict=True):
            codecs.insert_many(connection, kind, [(key, document)])
    except sa.exc.IntegrityError:
        return True
    finally:
        nested.rollback()
    return False


def equal(codecs: Codecs, connection: sa.engine.Connection, kind: str, documents: Sequence[Document]) -> bool:
    """Whether the codecs say so."""
    claims = [
        [
            (kind, found.name, found.values)
            for natural in codecs.enforced(kind)
            for found in natural.of({**codecs.defaults(kind), **document})
        ]
        for document in documents
    ]
    folded = codecs.folded(connection, [claim for found in claims for claim in found])
    first, second = ({folded[claim] for claim in found} for found in claims)
    return bool(first & second)


def pairs_of(dialect: str) -> list[tuple[str, str]]:
    return [*PAIRS] if dialect == "postgresql" else [*PAIRS, ZERO]


@pytest.mark.parametrize(("kind", "constraint"), NAMED)
def test_names_are_equal_exactly_where_a_unique_index_refuses_them(
    world: Codecs, connection: sa.engine.Connection, kind: str, constraint: str
) -> None:
    for one_text, other in pairs_of(connection.dialect.name):
        if kind == "user" and not one_text:
            continue  # a user without a name is no record
        documents = [holding(kind, constraint, one_text, "one"), holding(kind, constraint, other, "two")]
        said = refused(world, connection, kind, documents)
        assert equal(world, connection, kind, documents) is said, (one_text, other)


def test_keys_are_equal_exactly_where_a_primary_key_refuses_them(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    kinds = keyed(world)
    folds = connection.dialect.name in ("mysql", "mariadb")
    assert bool(kinds) is folds and (not folds or {"role", "endpoint_group", "limit"} <= {*kinds})
    for kind in kinds:
        for one_text, other in [("key", "KEY"), ("key", "kéy"), ("key", "key "), ("key", "kez")]:
            documents = [holding(kind, KEY, one_text, one_text), holding(kind, KEY, other, other)]
            said = refused(world, connection, kind, documents)
            assert equal(world, connection, kind, documents) is said, (kind, one_text, other)


@pytest.mark.parametrize("apart", [0, 1, 999_999, 1_000_000])
def test_times_in_a_trust_are_equal_as_the_column_keeps_them(
    world: Codecs, connection: sa.engine.Connection, apart: int
) -> None:
    _, document = one("trust")
    moment = 1_800_000_000_000_000
    documents = [
        {**document, "id": "one", "expires_at_int": moment, "roles": []},
        {**document, "id": "two", "expires_at_int": moment + apart, "roles": []},
    ]
    assert equal(world, connection, "trust", documents) is refused(world, connection, "trust", documents)


def test_nulls_are_equal_to_nothing(world: Codecs, connection: sa.engine.Connection) -> None:
    rule: Document = {"user_id": USER, "service": None, "path": "/p", "method": "GET"}
    documents = [{"id": "one", **rule}, {"id": "two", **rule}]
    assert equal(world, connection, "access_rule", documents) is False
    assert refused(world, connection, "access_rule", documents) is False


def test_who_holds_a_name_is_asked_without_an_error_for_what_the_columns_cannot_hold(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    for text in (*WIDE, *ZERO, "half \ud83d", "\udc80"):
        for kind, constraint in NAMED:
            document = holding(kind, constraint, text, "two")
            claims = [n for n in REGISTRY[kind].natural_keys_of(document) if n.name == constraint]
            assert claims
            for claim in claims:
                assert world.holders(connection, kind, constraint, [claim.values]) == {}
                world.folded(connection, [(kind, constraint, claim.values)])


def test_a_character_that_becomes_a_question_mark_is_not_equal_to_one(
    world: Codecs, connection: sa.engine.Connection
) -> None:
    documents = [holding("role", "name", text, text) for text in WIDE]
    assert equal(world, connection, "role", documents) is False


def test_a_page_of_names_is_one_statement(world: Codecs, connection: sa.engine.Connection) -> None:
    seen: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda *args: seen.append(args[2]))
    claims: Any = [("user", "local_name", (DOMAIN, f"José {number}")) for number in range(200)]
    world.folded(connection, claims)
    del seen[:]
    world.folded(connection, claims)
    assert len(seen) <= 1, "beside what is asked once of each collation"


@pytest.mark.parametrize(("one_name", "other"), [*PAIRS, ZERO])
def test_the_plan_of_adopt_compares_names_as_the_database_does(
    engine: sa.engine.Engine, codecs: Codecs, one_name: str, other: str
) -> None:
    inventory = DatabaseInventory("site", engine, codecs.cipher)
    held: list[Held] = [("role", "name", (name, None)) for name in (one_name, other)]
    with engine.connect() as connection:
        found = codecs.folded(connection, held)
    first, second = (inventory.compared(held)[item] for item in held)
    assert (first == second) is (found[held[0]] == found[held[1]])


COLLATIONS = (
    "utf8mb3_general_ci",
    "utf8mb3_unicode_ci",
    "utf8mb3_unicode_520_ci",
    "utf8mb3_bin",
    "utf8mb3_turkish_ci",
    "utf8mb3_swedish_ci",
    "utf8mb3_spanish2_ci",
    "utf8mb3_general_nopad_ci",
    "utf8mb3_unicode_nopad_ci",
    "utf8mb3_uca1400_ai_ci",
    "utf8mb3_uca1400_as_ci",
    "utf8mb3_uca1400_as_cs",
    "utf8mb4_general_ci",
    "utf8mb4_unicode_520_nopad_ci",
    "utf8mb4_uca1400_nopad_as_cs",
    "utf8mb4_0900_ai_ci",
    "utf8mb4_0900_as_cs",
    "latin1_swedish_ci",
)


def check_collations(engine: sa.engine.Engine, examples: int) -> None:
    """Each of the server's with a real index, over lists of texts that are nearly alike."""
    statement = "SELECT full_collation_name FROM information_schema.collation_character_set_applicability"
    if not getattr(engine.dialect, "is_mariadb", False):
        statement = "SELECT collation_name FROM information_schema.collations"
    with engine.connect() as connection:
        there = {str(name) for name in connection.execute(sa.text(statement)).scalars()}
        wanted = [name for name in COLLATIONS if name in there]
        assert len(wanted) >= 6
        folding = ServerFolding()
        for number, collation in enumerate(wanted):
            charset = collation.split("_", 1)[0]
            connection.exec_driver_sql(
                f"CREATE TEMPORARY TABLE t{number}"
                f" (name VARCHAR(255) CHARACTER SET {charset} COLLATE {collation} UNIQUE)"
            )
            _check_collation(connection, folding, collation, f"t{number}", examples)


def _check_collation(
    connection: sa.engine.Connection, folding: ServerFolding, collation: str, table: str, examples: int
) -> None:
    insert = sa.text(f"INSERT INTO {table} VALUES (:name)")

    def fits(text: str) -> bool:
        return not collation.startswith("latin1") or all(ord(char) < 256 for char in text)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(NEAR, min_size=2, max_size=12))
    def check(texts: list[str]) -> None:
        texts = [text for text in (*texts, *(t for pair in (*PAIRS, ZERO) for t in pair)) if fits(text)]
        keys = folding(connection, collation, texts)
        seen = set()
        for text in texts:
            try:
                with connection.begin_nested():
                    connection.execute(insert, {"name": text})
                taken = False
            except sa.exc.IntegrityError:
                taken = True
            assert (keys[text] in seen) is taken, (collation, text, texts)
            seen.add(keys[text])
        connection.exec_driver_sql(f"DELETE FROM {table}")

    check()


@pytest.fixture
def mariadb_engine(mariadb: object, database_scope: DatabaseScope) -> Iterator[sa.engine.Engine]:
    made = sa.create_engine(database_scope.empty("mariadb"))
    yield made
    made.dispose()


@pytest.mark.mariadb
def test_collation_keys_of_mariadb_agree_with_a_unique_index(mariadb_engine: sa.engine.Engine) -> None:
    check_collations(mariadb_engine, 12)


@pytest.mark.mysql
def test_collation_keys_of_mysql_agree_with_a_unique_index(mysql_url: str) -> None:
    made = sa.create_engine(mysql_url)
    check_collations(made, 12)
    made.dispose()
