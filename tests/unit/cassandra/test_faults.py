"""What each error of the driver means, lost answers of lightweight transactions above all."""

from __future__ import annotations

import cassandra
import pytest
from cassandra import cluster, connection, protocol

from keystone_viaduct.cassandra.faults import Fault, classify, translate
from keystone_viaduct.errors import (
    ConfigError,
    OutcomeUnknown,
    SchemaMissing,
    StoreError,
    StoreUnavailable,
)

CAS_UNKNOWN = protocol.ErrorMessage(code=0x1700, message="CAS operation result is unknown", info=None)
"""As cassandra-driver 3.30 gives it: of no class of its own."""

UNKNOWN = [
    CAS_UNKNOWN,
    cassandra.OperationTimedOut(),
    cassandra.WriteTimeout("", write_type=4),
    cassandra.WriteFailure(""),
    cassandra.ReadTimeout(""),
    connection.ConnectionShutdown("closed"),
    cluster.NoHostAvailable("", {"a": cassandra.OperationTimedOut(), "b": ConnectionRefusedError()}),
]
NOT_DONE = [
    cassandra.Unavailable(""),
    cluster.NoHostAvailable("", {"a": ConnectionRefusedError()}),
    cluster.NoHostAvailable("", {}),
    protocol.OverloadedErrorMessage(code=0x1001, message="overloaded", info=None),
]


@pytest.mark.parametrize("error", UNKNOWN, ids=lambda error: type(error).__name__)
def test_a_change_whose_answer_is_lost_may_have_been_made(error: Exception) -> None:
    assert classify(error) is Fault.UNKNOWN
    assert isinstance(translate(error, changes=True), OutcomeUnknown)
    assert isinstance(translate(error, changes=False), StoreUnavailable), "a read is only not answered"


@pytest.mark.parametrize("error", NOT_DONE, ids=lambda error: type(error).__name__)
def test_a_change_that_nobody_took_was_not_made(error: Exception) -> None:
    assert classify(error) is Fault.NOT_DONE
    assert isinstance(translate(error, changes=True), StoreUnavailable)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (cassandra.AuthenticationFailed("no"), ConfigError),
        (cassandra.Unauthorized("no"), ConfigError),
        (cluster.NoHostAvailable("", {"a": cassandra.AuthenticationFailed("no")}), ConfigError),
        (cassandra.InvalidRequest("table k.t does not exist"), SchemaMissing),
        (cassandra.InvalidRequest("unconfigured table t"), SchemaMissing),
    ],
)
def test_what_the_operator_can_mend_is_said_with_a_hint(error: Exception, expected: type[StoreError]) -> None:
    ours = translate(error, changes=True)
    assert isinstance(ours, expected)
    assert ours.hint


def test_a_statement_that_makes_no_sense_is_our_fault_and_not_repeated() -> None:
    ours = translate(cassandra.InvalidRequest("line 1: no viable alternative"), changes=True)
    assert type(ours) is StoreError
