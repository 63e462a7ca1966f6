"""Columns that only Python can compute, from plan to contract and back, on every engine."""

from __future__ import annotations

import sqlalchemy as sa

from keystone_viaduct.upgrade.expression import Scalar
from keystone_viaduct.upgrade.operations import ComputeColumns
from keystone_viaduct.upgrade.ports import MARKED
from keystone_viaduct.upgrade.steps import State
from tests.bridges.across.computed import SEALED
from tests.bridges.across.sealing import KEY_HASH, sealed, unseal
from tests.support.upgrades import Site, site


def prepared(url: str, *secrets: str) -> Site:
    """The old shape with these secrets."""
    made = site(url, ComputeColumns(SEALED))
    made.run(
        "CREATE TABLE thing (id VARCHAR(64) NOT NULL PRIMARY KEY, secret VARCHAR(16) NOT NULL)",
        *(f"INSERT INTO thing VALUES ('k{n}', '{secret}')" for n, secret in enumerate(secrets)),
    )
    return made


def opened(rows: dict[str, dict[str, Scalar]]) -> dict[str, Scalar]:
    """What new code reads."""
    return {key: unseal(row)["secret"] for key, row in rows.items()}


def test_what_either_side_writes_is_there_on_the_other_once_marks_are_settled(database_url: str) -> None:
    made = prepared(database_url, "one", "two", "three", "four")
    with made.runner() as runner:
        runner.expand()
        made.run("UPDATE thing SET secret = 'early' WHERE id = 'k3'")
        runner.migrate()
        assert not any(item.fatal for _, item in runner.verify())
        given = sealed("new", 7)
        made.run(
            f"UPDATE thing SET sealed = '{given}' WHERE id = 'k0'",
            "UPDATE thing SET secret = 'old' WHERE id = 'k1'",
            f"INSERT INTO thing (id, sealed, key_hash) VALUES ('k9', '{given}', '{KEY_HASH}')",
        )
        assert not any(item.fatal for _, item in runner.verify())
    rows = made.rows("thing")
    assert {key: row["secret"] for key, row in rows.items()} == opened(rows)
    assert opened(rows) == {"k0": "new", "k1": "old", "k2": "three", "k3": "early", "k9": "new"}
    with made.runner() as runner:
        assert runner.contract() is State.CONTRACTED
    assert set(made.columns("thing")) == {"id", "sealed", "key_hash"}
    assert opened(made.rows("thing")) == opened(rows)


def test_an_old_write_after_ours_is_not_taken_for_the_loser(database_url: str) -> None:
    """The worker writes the new columns: that must not look as if new code had written them."""
    made = prepared(database_url, "one")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        for secret in ("two", "three", "four"):
            made.run(f"UPDATE thing SET secret = '{secret}' WHERE id = 'k0'")
            assert not any(item.kind == MARKED for _, item in runner.verify())
            row = made.rows("thing")["k0"]
            assert row["secret"] == unseal(row)["secret"] == secret


def test_a_row_that_python_cannot_compute_is_named_and_stops_contract_and_no_other_row(
    database_url: str,
) -> None:
    made = prepared(database_url, "one")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        made.run(
            "INSERT INTO thing (id, sealed) VALUES ('bad', 'not hexadecimal')",
            "UPDATE thing SET secret = 'two' WHERE id = 'k0'",
        )
        found = [item for _, item in runner.verify() if item.fatal]
        assert [(item.kind, item.rows, item.example) for item in found] == [(MARKED, 1, "bad")]
        assert opened({"k0": made.rows("thing")["k0"]}) == {"k0": "two"}
        made.run("DELETE FROM thing WHERE id = 'bad'")
        assert not any(item.fatal for _, item in runner.verify())


def test_a_rollback_keeps_what_new_code_wrote(database_url: str) -> None:
    made = prepared(database_url, "one", "two")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        made.run(f"UPDATE thing SET sealed = '{sealed('new', 1)}' WHERE id = 'k1'")
        assert runner.rollback() is State.ROLLED_BACK
    assert {key: row["secret"] for key, row in made.rows("thing").items()} == {"k0": "one", "k1": "new"}
    (column,) = [
        item for item in sa.inspect(made.database.engine).get_columns("thing") if item["name"] == "secret"
    ]
    assert not column["nullable"]
    made.database.close()
