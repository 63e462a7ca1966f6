"""CockroachDB's errors, as its documentation shows them, and what a transaction does after each.

Payloads: "Transaction retry error reference", "Common errors", "SAVEPOINT" and "Foreign key constraint" of
the documentation of 25.4; the older wording of a duplicate is still shown by "SAVEPOINT".
"""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exception

from keystone_viaduct.drivers.faults import Fault, classify
from keystone_viaduct.sql import cockroachdb, installer
from tests.unit.sql.test_errors import coded, filtered

installer.register()

REASONS = [
    "RETRY_WRITE_TOO_OLD",
    "RETRY_SERIALIZABLE",
    "RETRY_ASYNC_WRITE_FAILURE",
    "RETRY_COMMIT_DEADLINE_EXCEEDED",
    "ABORT_REASON_ABORTED_RECORD_FOUND",
    "ABORT_REASON_CLIENT_REJECT",
    "ABORT_REASON_PUSHER_ABORTED",
    "ABORT_REASON_ABORT_SPAN",
    "ABORT_REASON_NEW_LEASE_PREVENTS_TXN",
    "ABORT_REASON_TIMESTAMP_CACHE_REJECTED",
]
PREFIX = "restart transaction: TransactionRetryWithProtoRefreshError: "
RESTARTS = [
    *(f"{PREFIX}TransactionRetryError: retry txn ({reason})" for reason in REASONS),
    f"{PREFIX}ReadWithinUncertaintyIntervalError: read at time 1591009232.376925064,0 encountered previous "
    "write with future timestamp 1591009232.493830170,0 within uncertainty interval "
    "`t <= 1591009232.587671686,0`; observed timestamps: [{1 1591009232.587671686,0}]",
    f"{PREFIX}injected by `inject_retry_errors_enabled` session variable",
]


@pytest.mark.parametrize("message", RESTARTS)
def test_every_documented_restart_is_a_conflict_that_is_run_again(message: str) -> None:
    error = coded("40001", f"{message}\nHINT:  See: transaction-retry-error-reference.html\n")
    assert cockroachdb.classify(error) is Fault.CONFLICT
    raised = filtered("cockroachdb", sa.exc.OperationalError, error)
    assert isinstance(raised, db_exception.DBDeadlock)
    assert classify(raised) is Fault.CONFLICT


def test_an_ambiguous_result_is_read_back() -> None:
    error = coded("40003", "result is ambiguous: context deadline exceeded")
    assert cockroachdb.classify(error) is Fault.AMBIGUOUS
    assert classify(sa.exc.OperationalError("COMMIT", None, error)) is Fault.AMBIGUOUS


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("57P01", "server is shutting down"),
        ("57P01", "terminating connection due to administrator command"),
        ("53300", "sorry, too many clients already"),
        ("58C00", "range unavailable"),
    ],
)
def test_a_node_that_goes_away_is_a_lost_connection(code: str, message: str) -> None:
    assert cockroachdb.classify(coded(code, message)) is Fault.LOST


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("XXA00", "transaction committed but schema change aborted with error: (23505): duplicate key value"),
        ("0A000", 'unimplemented: cannot drop UNIQUE constraint "a" using ALTER TABLE DROP CONSTRAINT'),
        ("25P02", "current transaction is aborted, commands ignored until end of transaction block"),
        ("3B001", "savepoint bar does not exist"),
    ],
)
def test_what_repeating_does_not_cure_is_left_alone(code: str, message: str) -> None:
    assert cockroachdb.classify(coded(code, message)) is None


@pytest.mark.parametrize(
    ("message", "columns", "value"),
    [
        (
            'duplicate key value violates unique constraint "ixu_user_name_domain_id"\n'
            "DETAIL:  Key (domain_id, name)=('default', 'a)=(b') already exists.\n",
            ["domain_id", "name"],
            "'default', 'a)=(b'",
        ),
        ('duplicate key value (k)=(5) violates unique constraint "primary"', ["k"], "5"),
        ('duplicate key value violates unique constraint "user_pkey"', ["user_pkey"], None),
    ],
)
def test_a_duplicate_names_its_columns_where_the_server_does(
    message: str, columns: list[str], value: str | None
) -> None:
    error: Any = filtered(
        "cockroachdb", sa.exc.IntegrityError, coded("23505", message, psycopg2.IntegrityError)
    )
    assert isinstance(error, db_exception.DBDuplicateEntry)
    assert (error.columns, error.value) == (columns, value)


@pytest.mark.parametrize("verb", ["insert", "update", "upsert"])
def test_a_missing_parent_is_a_reference_error(verb: str) -> None:
    message = (
        f'{verb} on table "endpoint" violates foreign key constraint "endpoint_service_id_fkey"\n'
        "DETAIL:  Key (service_id)=('s') is not present in table \"service\".\n"
    )
    error: Any = filtered(
        "cockroachdb", sa.exc.IntegrityError, coded("23503", message, psycopg2.IntegrityError)
    )
    assert isinstance(error, db_exception.DBReferenceError)
    assert (error.table, error.constraint) == ("endpoint", "endpoint_service_id_fkey")
    assert (error.key, error.key_table) == ("service_id", "service")


def test_a_parent_that_is_needed_is_a_reference_error() -> None:
    message = (
        'delete on table "service" violates foreign key constraint "endpoint_service_id_fkey" '
        'on table "endpoint"\n'
        "DETAIL:  Key (id)=('s') is still referenced from table \"endpoint\".\n"
    )
    error: Any = filtered(
        "cockroachdb", sa.exc.IntegrityError, coded("23503", message, psycopg2.IntegrityError)
    )
    assert isinstance(error, db_exception.DBReferenceError)
    assert (error.table, error.key, error.key_table) == ("service", "id", "endpoint")
