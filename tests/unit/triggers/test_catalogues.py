"""Reading catalogues and grants that no server at hand can show: canned answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.triggers import Event, Timing, TriggerSpec
from keystone_viaduct.triggers.cockroachdb import CockroachDBTarget
from keystone_viaduct.triggers.compiler import TARGETS
from keystone_viaduct.triggers.mysql import MySQLTarget
from keystone_viaduct.triggers.postgresql import PostgreSQLTarget
from keystone_viaduct.triggers.target import Installed, driver_error

TABLE = sa.table("user", sa.column("id"))
LOG = sa.table("log", sa.column("x"))
MYSQL = TARGETS["mysql"]
SPEC = TriggerSpec("v_a", TABLE, Event.INSERT, Timing.AFTER, (LOG.insert().values(x=1),))


class Answers:
    """A connection that gives the rows of the first key that is part of the statement."""

    def __init__(self, answers: dict[str, Sequence[tuple[Any, ...]]]) -> None:
        self.answers = answers

    def exec_driver_sql(self, sql: str, execution_options: object = None) -> Sequence[tuple[Any, ...]]:
        """Rows."""
        return next(rows for part, rows in self.answers.items() if part in sql)


def test_cockroachdb_finds_triggers_by_show_and_fingerprints_in_function_names() -> None:
    connection = Answers(
        {
            "pg_proc": [
                ("other",),
                ("v_a__0123456789ab",),
                ("v_b__0123456789ab",),
                ("v_c__0123456789ab",),
                ("v_c__ffffffffffff",),
            ],
            "information_schema.tables": [('od"d',), ("user",)],
            'SHOW TRIGGERS FROM "od""d"': [("foreign", True)],
            'SHOW TRIGGERS FROM "user"': [("v_a", True), ("v_c", True), ("v_d", True)],
        }
    )
    assert CockroachDBTarget().installed(connection, "v_") == [
        Installed("v_c", "", "", "v_c__0123456789ab"),
        Installed("v_a", "user", "0123456789ab", "v_a__0123456789ab"),
        Installed("v_c", "user", "ffffffffffff", "v_c__ffffffffffff"),
        Installed("v_d", "user", "", ""),
        Installed("v_b", "", "", "v_b__0123456789ab"),
    ]


def test_cockroachdb_drops_the_trigger_before_its_function() -> None:
    drop = CockroachDBTarget().drop(Installed("v_d", "user", ""), "public")
    assert drop == ('DROP TRIGGER IF EXISTS "v_d" ON "public"."user"',)
    drop = CockroachDBTarget().drop(Installed("v_b", "", "", "v_b__01"), "public")
    assert drop == ('DROP FUNCTION IF EXISTS "public"."v_b__01"()',)


def problems(*grants: str, logged: str = "OFF", trusted: str = "OFF") -> list[tuple[str, str]]:
    """What MariaDB and MySQL users with these grants lack for ``SPEC`` in database ``key_stone``."""
    connection = Answers(
        {
            "DATABASE()": [("key_stone",)],
            "SHOW GRANTS": [(grant,) for grant in grants],
            "SHOW GLOBAL VARIABLES": [("log_bin", logged), ("log_bin_trust_function_creators", trusted)],
        }
    )
    return [
        (item.subject, item.privilege)
        for item in MySQLTarget("transaction_isolation", skips=False).problems(connection, [SPEC])
    ]


@pytest.mark.parametrize(
    "grants",
    [
        ["GRANT ALL PRIVILEGES ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*X' WITH GRANT OPTION"],
        ["GRANT SELECT, INSERT, TRIGGER ON `key_stone`.* TO `u`@`%`"],
        ["GRANT SELECT, INSERT, TRIGGER ON `key\\_stone`.* TO `u`@`%`"],
        ["GRANT INSERT, TRIGGER ON `key%`.* TO `u`@`%`"],
        ["GRANT INSERT ON `key_stone`.`log` TO `u`@`%`", "GRANT TRIGGER ON `key_stone`.`user` TO `u`@`%`"],
        ["GRANT INSERT ON `key_stone`.* TO `u`@`%`", "GRANT TRIGGER ON `key%`.* TO `role`"],
    ],
)
def test_mysql_grants_that_are_enough(grants: list[str]) -> None:
    assert problems(*grants) == []


@pytest.mark.parametrize(
    "grants",
    [
        ["GRANT USAGE ON *.* TO `u`@`%`"],
        ["GRANT ALL PRIVILEGES ON `key\\_ston`.* TO `u`@`%`"],
        ["GRANT ALL PRIVILEGES ON `key\\%`.* TO `u`@`%`"],
        ["GRANT ALL PRIVILEGES ON `key_stone`.`other` TO `u`@`%`"],
        ["GRANT SELECT ON `key_stone`.* TO `u`@`%`", "GRANT ALL PRIVILEGES ON `key%`.* TO `u`@`%`"],
    ],
)
def test_mysql_grants_that_are_not_enough(grants: list[str]) -> None:
    assert problems(*grants) == [("table log", "INSERT"), ("table user", "TRIGGER")]


def test_mysql_a_binary_log_wants_super_or_trust() -> None:
    enough = "GRANT ALL PRIVILEGES ON `key_stone`.* TO `u`@`%`"
    assert problems(enough, logged="ON") == [("server", "SUPER")]
    assert problems(enough, logged="ON", trusted="ON") == []
    assert problems(enough, "GRANT SUPER ON *.* TO `u`@`%`", logged="ON") == []


@pytest.mark.parametrize(
    ("number", "word"), [(1142, "GRANT TRIGGER"), (1419, "log_bin_trust"), (1205, "lock_seconds"), (1064, "")]
)
def test_mysql_errors_get_their_hint(number: int, word: str) -> None:
    hint = MySQLTarget("transaction_isolation", skips=False).hint(Exception(number, "text"))
    assert word in hint
    assert bool(word) == bool(hint)


@pytest.mark.parametrize(
    ("state", "word"), [("42501", "GRANT TRIGGER"), ("55P03", "lock_seconds"), ("42601", "")]
)
def test_postgresql_errors_get_their_hint(state: str, word: str) -> None:
    error = Exception("text")
    error.pgcode = state  # type: ignore[attr-defined]
    hint = PostgreSQLTarget().hint(error)
    assert word in hint
    assert bool(word) == bool(hint)


def test_the_drivers_error_is_found_inside_of_sqlalchemys_and_oslo_dbs() -> None:
    driver = Exception("driver")
    wrapped = sa.exc.OperationalError("SELECT 1", {}, driver)
    oslo = Exception("oslo")
    oslo.inner_exception = wrapped  # type: ignore[attr-defined]
    assert [driver_error(error) for error in (driver, wrapped, oslo)] == [driver] * 3
