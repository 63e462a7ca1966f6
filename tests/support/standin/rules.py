"""What CockroachDB does otherwise, as a rewriting of each statement for the PostgreSQL behind the stand-in.

An error is made by PostgreSQL itself, with a ``DO`` that raises it, so that the transaction is in the state
that an error leaves it in.
"""

from __future__ import annotations

import re
from collections.abc import Callable

VERSION = "CockroachDB CCL v25.4.1 (x86_64-pc-linux-gnu, built 2025/12/05 18:23:13, go1.25.4)"
RESTART = (
    "restart transaction: TransactionRetryWithProtoRefreshError: TransactionRetryError: retry txn "
    '(RETRY_SERIALIZABLE - failed preemptive refresh due to conflicting locks on /Table/106/1): "sql txn" '
    "meta={id=07d42834 key=/Table/106/1 iso=Serializable pri=0.01 epo=0 ts=1700512229.37,2 seq=1}"
)
AMBIGUOUS = "result is ambiguous: error=rpc error: code = Unavailable desc = error reading from server"
_FLAGS = re.IGNORECASE | re.DOTALL

SETUP = """
CREATE SCHEMA IF NOT EXISTS standin;
CREATE SEQUENCE IF NOT EXISTS standin.rows;
CREATE OR REPLACE FUNCTION standin.unique_rowid() RETURNS bigint LANGUAGE sql AS
$$ SELECT 1100000000000000000 + nextval('standin.rows') $$;
CREATE OR REPLACE VIEW standin.columns AS SELECT c.*, 'NO'::text AS is_hidden,
  CASE WHEN c.data_type = 'USER-DEFINED' THEN c.udt_name::text ELSE c.data_type::text END AS crdb_sql_type,
  NULL::text AS column_comment FROM information_schema.columns c;
CREATE TABLE IF NOT EXISTS standin.regions (region text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS standin.localities (table_name text PRIMARY KEY, locality text NOT NULL);
"""
"""What the rules below need in the database behind; made as its owner."""


def raising(code: str, message: str, hint: str = "") -> str:
    """A statement that fails."""
    parts = [f"ERRCODE = '{code}'", f"MESSAGE = {_text(message)}"]
    parts += [f"HINT = {_text(hint)}"] if hint else []
    return f"DO $standin$ BEGIN RAISE EXCEPTION USING {', '.join(parts)}; END $standin$"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def unimplemented(what: str, issue: int) -> str:
    """As CockroachDB words what it lacks."""
    hint = f"You have attempted to use a feature that is not yet implemented.\nSee: issue {issue}"
    return raising("0A000", f"unimplemented: {what}", hint)


def is_ddl(sql: str) -> bool:
    """Whether it changes the schema."""
    return re.match(r"\s*(CREATE|ALTER|DROP|TRUNCATE|COMMENT)\b", sql, _FLAGS) is not None


def _ddl_types(sql: str) -> str:
    """INTEGER has 64 bits, and SERIAL is a number that grows with the time, not a sequence."""
    sql = re.sub(r"\b(BIG)?SERIAL\b", "INT8 DEFAULT standin.unique_rowid()", sql)
    return re.sub(r"\bINTEGER\b", "INT8", sql)


def _create_type(found: re.Match[str]) -> str:
    body = f"CREATE TYPE {found['rest']}"
    return f"DO $standin$ BEGIN {body}; EXCEPTION WHEN duplicate_object THEN NULL; END $standin$"


def _drop_index(found: re.Match[str]) -> str:
    """A unique constraint is its index; without CASCADE it can't be dropped."""
    table, index = found["table"], found["index"]
    refusal = (
        f"RAISE EXCEPTION USING ERRCODE = '2BP01', MESSAGE = 'index is in use as unique constraint', "
        f"HINT = {_text('use CASCADE if you really want to drop it.')}"
    )
    action = refusal if not found["cascade"] else f"ALTER TABLE {table} DROP CONSTRAINT {index} CASCADE"
    return (
        f"DO $standin$ BEGIN IF {_is_unique(table, index)} THEN {action}; "
        f"ELSE DROP INDEX IF EXISTS {index}; END IF; END $standin$"
    )


def _drop_constraint(found: re.Match[str]) -> str:
    table, name = found["table"], found["name"]
    message = (
        f"unimplemented: cannot drop UNIQUE constraint {name} using ALTER TABLE DROP CONSTRAINT, "
        "use DROP INDEX CASCADE instead"
    )
    return (
        f"DO $standin$ BEGIN IF {_is_unique(table, name)} THEN "
        f"RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = {_text(message)}; "
        f"ELSE {found[0]}; END IF; END $standin$"
    )


def _is_unique(table: str, name: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'u' "
        f"AND conname = {_text(name.strip(chr(34)))} AND conrelid = {_text(table)}::regclass)"
    )


Rewrite = str | Callable[[re.Match[str]], str]
_RULES: tuple[tuple[str, Rewrite], ...] = (
    (r"select (pg_catalog\.)?version\(\)\s*", f"SELECT {_text(VERSION)} AS version"),
    (r"CREATE TYPE IF NOT EXISTS (?P<rest>.*)", _create_type),
    (r"DROP INDEX (IF EXISTS )?(?P<table>\S+?)@(?P<index>\S+)(?P<cascade> CASCADE)?", _drop_index),
    (r"ALTER TABLE (?P<table>\S+) DROP CONSTRAINT (IF EXISTS )?(?P<name>\S+)", _drop_constraint),
    (r"SHOW TRIGGERS FROM (?P<table>\S+)", lambda found: _show_triggers(found["table"])),
    (r"SHOW REGIONS FROM DATABASE", "SELECT region FROM standin.regions ORDER BY region"),
    (
        r"SHOW TABLES",
        "SELECT t.table_name, coalesce(l.locality, 'REGIONAL BY TABLE IN PRIMARY REGION') AS locality "
        "FROM information_schema.tables t LEFT JOIN standin.localities l USING (table_name) "
        "WHERE t.table_schema = 'public' ORDER BY 1",
    ),
    (
        r"ALTER TABLE (?P<table>\S+) SET LOCALITY (?P<locality>GLOBAL|REGIONAL BY TABLE IN PRIMARY REGION)",
        lambda found: _set_locality(found["table"].strip('"'), found["locality"]),
    ),
    (r"CREATE OR REPLACE TRIGGER .*", lambda _: unimplemented("CREATE OR REPLACE TRIGGER", 128422)),
    (r"CREATE TRIGGER \S+ \S+ UPDATE OF .*", lambda _: unimplemented("column lists in triggers", 135656)),
    (r"LOCK TABLE .*", lambda _: raising("42601", 'at or near "lock": syntax error')),
    (r"(LISTEN|NOTIFY) .*", lambda _: unimplemented("this syntax", 41522)),
    (r".*\bxmin\b.*", lambda _: raising("42703", 'column "xmin" does not exist')),
)


def _set_locality(table: str, locality: str) -> str:
    return (
        f"INSERT INTO standin.localities VALUES ({_text(table)}, {_text(locality)}) "
        "ON CONFLICT (table_name) DO UPDATE SET locality = excluded.locality"
    )


def _show_triggers(table: str) -> str:
    return (
        "SELECT tgname AS trigger_name, tgenabled <> 'D' AS enabled FROM pg_trigger "
        f"WHERE NOT tgisinternal AND tgrelid = {_text(table)}::regclass ORDER BY tgname"
    )


def rewrite(sql: str) -> str:
    """The statement as PostgreSQL gets it."""
    plain = sql.strip().rstrip(";")
    for pattern, replacement in _RULES:
        found = re.fullmatch(pattern, plain, _FLAGS)
        if found is not None:
            return replacement if isinstance(replacement, str) else replacement(found)
    if is_ddl(plain):
        return _ddl_types(plain)
    return re.sub(r"\binformation_schema\.columns\b", "standin.columns", sql)
