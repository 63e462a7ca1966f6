"""From a :class:`TriggerSpec` to the SQL of one database: :func:`compile`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from keystone_viaduct.errors import TriggerError

from .cockroachdb import CockroachDBTarget
from .mysql import MySQLTarget
from .postgresql import PostgreSQLTarget
from .spec import TriggerSpec
from .sqlite import SQLiteTarget
from .target import Target

TARGETS: dict[str, Target] = {
    "sqlite": SQLiteTarget(),
    "postgresql": PostgreSQLTarget(),
    "mariadb": MySQLTarget("tx_isolation", skips=True),
    "mysql": MySQLTarget("transaction_isolation", skips=False),
    "cockroachdb": CockroachDBTarget(),
}


@dataclass(frozen=True)
class CompiledTrigger:
    """The SQL of one trigger; ``fingerprint`` (hexadecimal) changes with every change of the SQL."""

    name: str
    create: tuple[str, ...]
    drop: tuple[str, ...]
    fingerprint: str


def target_of(dialect: Any) -> Target:
    """The target for a SQLAlchemy dialect, or for a dialect's name."""
    name = dialect if isinstance(dialect, str) else dialect.name
    if getattr(dialect, "is_mariadb", False):
        name = "mariadb"  # SQLAlchemy calls both mysql
    try:
        return TARGETS[name]
    except KeyError:
        known = ", ".join(TARGETS)
        raise TriggerError(f"there are no triggers for {name}", hint=f"use one of {known}") from None


def compile(spec: TriggerSpec, dialect: Any, *, schema: str | None = None) -> CompiledTrigger:
    """Compile for a SQLAlchemy dialect, or for a dialect's name.

    ``schema`` is where tables without a schema live; PostgreSQL functions name it, the others need none.
    Raises :class:`TriggerError` when the spec can't be expressed there, or would be able to stop a writer.
    """
    return _compiled(spec, target_of(dialect), schema)


@lru_cache(maxsize=1024)  # a command compares and installs the same specs: 174 of them on SQLite
def _compiled(spec: TriggerSpec, target: Target, schema: str | None) -> CompiledTrigger:
    if len(spec.name) > target.name_limit:
        problem = f"trigger {spec.name}: a name may have {target.name_limit} characters at most"
        raise TriggerError(problem, trigger=spec.name)
    render = target.renderer(spec, schema)
    fingerprint = hashlib.sha256("\0".join(target.create(spec, render, "")).encode()).hexdigest()[:12]
    create = target.create(spec, render, fingerprint)
    drop = target.drop(target.as_installed(spec, fingerprint), schema)
    return CompiledTrigger(spec.name, create, drop, fingerprint)
