"""What ``viaduct manage db_sync`` sends to CockroachDB: every schema change and write, in its order."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.golden.conftest import Golden
from tests.support.keystones import Release
from tests.support.standin import StandIn
from tests.support.standin.sites import make_site

pytestmark = [pytest.mark.postgresql, pytest.mark.keystone]

READ = re.compile(r"\s*(SELECT|SHOW|BEGIN|COMMIT|ROLLBACK)\b", re.IGNORECASE)
DDL = re.compile(r"\s*(CREATE|ALTER|DROP)\b")


def schema_of(url: str) -> dict[str, object]:
    """What a database's tables are, but for the width of integers, which CockroachDB has one of."""
    inspector = sa.inspect(sa.create_engine(url, poolclass=sa.pool.NullPool))

    def key(item: object) -> str:
        return str(item)

    def columns(table: str) -> list[tuple[str, str, bool]]:
        found = inspector.get_columns(table)
        return [
            (one["name"], re.sub("BIGINT", "INTEGER", str(one["type"])), one["nullable"]) for one in found
        ]

    return {
        table: (
            columns(table),
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(inspector.get_unique_constraints(table), key=key),
            sorted(inspector.get_foreign_keys(table), key=key),
            sorted(inspector.get_indexes(table), key=key),
        )
        for table in inspector.get_table_names(schema="public")
    }


def test_the_migrations_of_keystone(
    keystone_cockroach: Release,
    postgresql_url: str,
    keystone_database: Callable[[str], str],
    tmp_path: Path,
    golden: Golden,
) -> None:
    with StandIn(postgresql_url) as standin:
        site = make_site(tmp_path / "home", keystone_cockroach, standin)
        site.manage("db_sync")
        sent = [" ".join(sql.split()) for sql in standin.statements]
        site.manage("db_sync", "--check")
    assert schema_of(postgresql_url) == schema_of(keystone_database("postgresql"))
    for index, sql in enumerate(sent):
        if DDL.match(sql):  # alone in its transaction
            assert sent[index - 1] == "BEGIN" and sent[index + 1] == "COMMIT", sql
    golden("db_sync.sql", "".join(f"{sql};\n" for sql in sent if not READ.match(sql)))


def revisions(release: Release) -> dict[str, str]:
    """The text of each of a release's migrations, by revision."""
    where = "import keystone.common.sql as it; print(it.__path__[0])"
    folder = Path(release.python(where).strip()) / "migrations" / "versions"
    texts = [path.read_text() for path in folder.rglob("*.py")]
    return {found[1]: text for text in texts if (found := re.search(r"^revision = '(\w+)'", text, re.M))}


@pytest.mark.keystone27
def test_those_of_27_are_the_same_up_to_its_head(keystone_cockroach: Release, keystone27: Release) -> None:
    newer, older = revisions(keystone_cockroach), revisions(keystone27)
    assert {revision: newer[revision] for revision in older} == older
    assert sorted(set(newer) - set(older)) == ["742c857f1dfb", "e8725d6fa226"]  # indexes only
