"""What an error of the driver means for the statement that met it.

Three answers matter: nothing was done; it may have been done or not; it can never be done. The middle one is
the dangerous one: the answer of a lightweight transaction can be lost in four ways, and one of them, code
0x1700 of protocol 5, is an exception without a class in cassandra-driver.
"""

from __future__ import annotations

import enum

import cassandra
from cassandra import cluster, connection, protocol

from keystone_viaduct.errors import (
    ConfigError,
    OutcomeUnknown,
    SchemaMissing,
    StoreError,
    StoreUnavailable,
    ViaductError,
)

CAS_WRITE_UNKNOWN = 0x1700
"""Protocol 5: a lightweight transaction of which the coordinator does not know whether it was applied."""
UNCONFIGURED = 0x2200
"""Protocol: the statement makes no sense; that of a table that is not there among them."""


class Fault(enum.Enum):
    """What is known of a statement that failed."""

    NOT_DONE = "not done"
    UNKNOWN = "unknown"
    LOGIN = "login"
    SCHEMA = "schema"
    WRONG = "wrong"


_UNKNOWN = (
    cassandra.OperationTimedOut,
    cassandra.WriteTimeout,
    cassandra.WriteFailure,
    cassandra.ReadTimeout,  # of the reading part of a lightweight transaction
    cassandra.ReadFailure,
    connection.ConnectionException,
)


def classify(error: BaseException) -> Fault:
    """What ``error`` means."""
    if isinstance(error, cluster.NoHostAvailable):
        return _of_several(error)
    if isinstance(error, (cassandra.AuthenticationFailed, cassandra.Unauthorized)):
        return Fault.LOGIN
    if isinstance(error, _UNKNOWN) or getattr(error, "code", None) == CAS_WRITE_UNKNOWN:
        return Fault.UNKNOWN
    if isinstance(error, cassandra.InvalidRequest):
        absent = "unconfigured table" in str(error) or "does not exist" in str(error)
        return Fault.SCHEMA if absent or "Undefined column" in str(error) else Fault.WRONG
    if isinstance(error, (cassandra.Unavailable, protocol.ErrorMessage)):
        return Fault.NOT_DONE
    return Fault.WRONG


def _of_several(error: cluster.NoHostAvailable) -> Fault:
    """Nobody could be reached, or each failed in a way of its own: the worst of them counts."""
    each = error.errors.values() if isinstance(error.errors, dict) else ()
    found = {classify(one) for one in each if isinstance(one, BaseException)}
    if Fault.LOGIN in found:
        return Fault.LOGIN
    sent = [
        one for one in each if not isinstance(one, (ConnectionRefusedError, connection.ConnectionShutdown))
    ]
    return Fault.UNKNOWN if Fault.UNKNOWN in found and sent else Fault.NOT_DONE


def translate(error: BaseException, *, changes: bool) -> ViaductError:
    """Our error for one of the driver's; ``changes``: the statement was to change something."""
    fault = classify(error)
    text = f"{type(error).__name__}: {error}"
    if fault is Fault.LOGIN:
        return ConfigError(
            f"Cassandra refused the account: {text}", hint="look at [cassandra] username and password"
        )
    if fault is Fault.SCHEMA:
        return SchemaMissing(
            f"a table of Keystone's is missing in Cassandra: {text}", hint="upgrade its schema"
        )
    if fault is Fault.WRONG:
        return StoreError(
            f"Cassandra refused a statement: {text}", hint="this is a fault of Viaduct: report it"
        )
    if fault is Fault.UNKNOWN and changes:
        return OutcomeUnknown(
            f"Cassandra did not say whether a change was made: {text}",
            hint="look, and repeat it if it was not",
        )
    return StoreUnavailable(
        f"too few nodes of Cassandra answer: {text}", hint="look at the nodes and at the link to them"
    )
