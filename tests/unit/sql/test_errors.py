"""What the errors of each engine mean, from the payloads that their servers send."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg2
import psycopg2.errors
import pymysql
import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import exc_filters

from keystone_viaduct.drivers import faults
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.sql import cockroachdb, installer, mysql, postgresql, sqlite

installer.register()


def coded(code: str, message: str = "", kind: type[Any] = psycopg2.OperationalError) -> Any:
    return type("Coded", (kind,), {"pgcode": code})(message)


class Modern(Exception):
    """An error of psycopg 3: its code is called ``sqlstate``."""

    sqlstate = "40001"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("40001", Fault.CONFLICT),
        ("40P01", Fault.CONFLICT),
        ("55P03", Fault.CONFLICT),
        ("57P01", Fault.LOST),
        ("08006", Fault.LOST),
        ("25006", Fault.LOST),
        ("23505", None),
        ("42P01", None),
    ],
)
def test_postgresql(code: str, fault: Fault | None) -> None:
    assert postgresql.classify(coded(code)) is fault


def test_psycopg_3_names_its_code_otherwise() -> None:
    assert postgresql.classify(Modern()) is Fault.CONFLICT


@pytest.mark.parametrize(
    ("number", "message", "fault"),
    [
        (1213, "Deadlock found when trying to get lock; try restarting transaction", Fault.CONFLICT),
        (1205, "Lock wait timeout exceeded; try restarting transaction", Fault.CONFLICT),
        (1020, "Record has changed since last read in table 'user'", Fault.CONFLICT),
        (1180, "Got error 149 'Lock deadlock; Retry transaction' during COMMIT", Fault.CONFLICT),
        (1180, "Got error 28 'No space left on device' during COMMIT", None),
        (1317, "Query execution was interrupted", Fault.CONFLICT),
        (
            1180,
            "Error while appending streaming replication fragment"
            "(provider status: Not connected to Primary Component)",
            Fault.AMBIGUOUS,
        ),
        (1047, "WSREP has not yet prepared node for application use", Fault.REFUSED),
        (2013, "Lost connection to MySQL server during query", Fault.LOST),
        (1927, "Connection was killed", Fault.LOST),
        (1290, "The MariaDB server is running with the --read-only option", Fault.LOST),
        (1062, "Duplicate entry 'a' for key 'name'", None),
        (1146, "Table 'keystone.user' doesn't exist", None),
    ],
)
@pytest.mark.parametrize("kind", [pymysql.err.OperationalError, pymysql.err.InternalError])
def test_mariadb_and_galera(kind: Any, number: int, message: str, fault: Fault | None) -> None:
    assert mysql.classify(kind(number, message)) is fault


def test_numbers_of_other_exceptions_are_no_concern_of_mysql() -> None:
    assert mysql.classify(ValueError(1213)) is None


@pytest.mark.parametrize(
    ("code", "fault"),
    [("40001", Fault.CONFLICT), ("40003", Fault.AMBIGUOUS), ("57P01", Fault.LOST), ("23505", None)],
)
def test_cockroachdb(code: str, fault: Fault | None) -> None:
    assert cockroachdb.classify(coded(code)) is fault


def test_sqlite() -> None:
    assert sqlite.classify(sqlite3.OperationalError("database is locked")) is Fault.CONFLICT
    assert sqlite.classify(sqlite3.OperationalError("database table is locked: user")) is Fault.CONFLICT
    assert sqlite.classify(sqlite3.OperationalError("no such table: user")) is None


def test_the_error_is_found_below_those_of_sqlalchemy_and_oslo_db() -> None:
    inner = coded("40001")
    wrapped = db_exception.DBError(sa.exc.OperationalError("UPDATE", {}, inner))
    assert faults.classify(wrapped) is Fault.CONFLICT


def test_a_lost_connection_out_of_a_commit_is_ambiguous() -> None:
    inner = pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")
    wrapped = db_exception.DBConnectionError(sa.exc.OperationalError(None, None, inner))
    assert faults.classify(wrapped) is Fault.LOST
    setattr(inner, faults.IN_COMMIT, True)
    assert faults.classify(wrapped) is Fault.AMBIGUOUS


def test_a_conflict_out_of_a_commit_is_certain() -> None:
    inner = pymysql.err.OperationalError(1213, "Deadlock: wsrep aborted transaction")
    setattr(inner, faults.IN_COMMIT, True)
    assert faults.classify(db_exception.DBDeadlock(inner)) is Fault.CONFLICT


def filtered(dialect: str, wrapper: Any, original: BaseException) -> Any:
    """What oslo.db raises for an error of a dialect."""

    class Dialect:
        name = dialect

    class Context:
        connection = None
        is_disconnect = False
        sqlalchemy_exception = wrapper(None, None, original)
        original_exception = original

    context = Context()
    context.dialect = Dialect()  # type: ignore[attr-defined]
    return exc_filters.handler(context)


@pytest.mark.parametrize("code", ["40001", "40P01"])
@pytest.mark.parametrize("wrapper", [sa.exc.OperationalError, sa.exc.DBAPIError])
def test_oslo_db_knows_conflicts_of_postgresql_in_any_language(code: str, wrapper: Any) -> None:
    error = filtered("postgresql", wrapper, coded(code, "konnte Zugriff nicht serialisieren"))
    assert isinstance(error, db_exception.DBDeadlock)


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
@pytest.mark.parametrize("wrapper", [sa.exc.OperationalError, sa.exc.InternalError])
def test_oslo_db_knows_conflicts_of_galera(dialect: str, wrapper: Any) -> None:
    error = filtered(dialect, wrapper, pymysql.err.OperationalError(1213, "any wording"))
    assert isinstance(error, db_exception.DBDeadlock)


def test_oslo_db_still_knows_other_errors_of_mysql() -> None:
    original = pymysql.err.IntegrityError(1062, "Duplicate entry 'a' for key 'ixu_user_name_domain_id'")
    assert isinstance(filtered("mysql", sa.exc.IntegrityError, original), db_exception.DBDuplicateEntry)


RESTART = (
    "restart transaction: TransactionRetryWithProtoRefreshError: WriteTooOldError: write for key /Table/53 "
    "at timestamp 1.0,0 too old"
)
DUPLICATE = (
    'duplicate key value violates unique constraint "ixu_project_name_domain_id"\n'
    "DETAIL:  Key (domain_id, name)=('default', 'admin') already exists.\n"
)
MISSING_PARENT = (
    'insert on table "project_tag" violates foreign key constraint "project_tag_project_id_fkey"\n'
    "DETAIL:  Key (project_id)=('p') is not present in table \"project\".\n"
)


def test_oslo_db_knows_the_errors_of_cockroachdb() -> None:
    restart = filtered("cockroachdb", sa.exc.OperationalError, coded("40001", RESTART))
    assert isinstance(restart, db_exception.DBDeadlock)
    original = coded("23505", DUPLICATE, psycopg2.IntegrityError)
    duplicate = filtered("cockroachdb", sa.exc.IntegrityError, original)
    assert isinstance(duplicate, db_exception.DBDuplicateEntry)
    assert duplicate.columns == ["domain_id", "name"]
    original = coded("23503", MISSING_PARENT, psycopg2.IntegrityError)
    reference = filtered("cockroachdb", sa.exc.IntegrityError, original)
    assert isinstance(reference, db_exception.DBReferenceError)
    assert (reference.table, reference.key, reference.key_table) == ("project_tag", "project_id", "project")
    original = coded("42P01", 'relation "user" does not exist', psycopg2.ProgrammingError)
    missing = filtered("cockroachdb", sa.exc.ProgrammingError, original)
    assert isinstance(missing, db_exception.DBNonExistentTable)
