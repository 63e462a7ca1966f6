"""The oslo.config options of the ``[viaduct]`` group, and their frozen form.

Registered before Keystone reads its files; read once, where a driver is loaded or an engine is made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from oslo_config import cfg

GROUP = "viaduct"

DRIVER_OPTS: list[cfg.Opt] = [
    cfg.BoolOpt(
        "retry",
        default=True,
        help="Run a driver method again, as a whole, when the database refused its transaction for a "
        "reason that a repetition can cure (serialization failure, deadlock, lost certification, "
        "lost connection).",
    ),
    cfg.FloatOpt(
        "retry_deadline",
        default=20.0,
        min=0.0,
        help="Seconds after the first attempt from which no further attempt is started; the last error "
        "is then raised to Keystone. Keep it below the time-out of the proxy in front of Keystone.",
    ),
    cfg.FloatOpt(
        "refused_deadline",
        default=1.0,
        min=0.0,
        help="The same while the database answers but serves nobody (a Galera node outside of the majority). "
        "Once a call was given up on so, the next ones are not run again until one succeeds.",
    ),
    cfg.IntOpt(
        "retry_after",
        default=5,
        min=1,
        help="Seconds that a client is told to wait (Retry-After) by the answer 503 to a request that failed "
        "because a driver method was given up on.",
    ),
    cfg.StrOpt(
        "counters_folder",
        help="A folder, for Keystone's account to write to, in which all worker processes keep their counts "
        "of what was run again; `viaduct retries` adds them up. Unset: they are in the log only.",
    ),
    cfg.FloatOpt(
        "retry_first_delay",
        default=0.01,
        min=0.0,
        help="Upper bound, in seconds, of the random wait before the second attempt. It doubles each time.",
    ),
    cfg.FloatOpt(
        "retry_max_delay",
        default=1.0,
        min=0.0,
        help="Upper bound, in seconds, to which the random wait between two attempts may grow.",
    ),
    cfg.BoolOpt(
        "request_memo",
        default=True,
        help="Answer a repeated read of a driver within one request from memory. Nothing outlives the "
        "request, and the request's own writes make it forget.",
    ),
    cfg.IntOpt(
        "request_memo_entries",
        default=4096,
        min=1,
        help="How many answers one request may keep; beyond it the oldest are dropped.",
    ),
    cfg.IntOpt(
        "request_memo_kilobytes",
        default=4096,
        min=1,
        help="How many KiB the answers kept by one request may have; beyond it the oldest are dropped.",
    ),
]

SQLITE_FOREIGN_KEYS = cfg.BoolOpt(
    "sqlite_foreign_keys",
    default=True,
    help="SQLite: let the database keep its references, as every other engine does. Without, what should "
    "go with a deleted row stays, and belongs to the next row that gets its number: a new application "
    "credential fails, or has roles that nobody gave it. Switch it off only where Keystone has to write rows "
    "before those that they refer to: with a driver of your own over tables of Keystone's.",
)

SQL_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "isolation_level",
        choices=[
            ("READ COMMITTED", "each statement sees what is committed then"),
            ("REPEATABLE READ", "all statements see what was committed at the first one"),
            ("SERIALIZABLE", "as if one transaction ran after the other"),
        ],
        help="PostgreSQL, CockroachDB, MariaDB and MySQL: isolation level of Keystone's transactions; "
        "unset: that of the server. With SERIALIZABLE the driver methods are retried as the database asks "
        "for it.",
    ),
    cfg.FloatOpt(
        "ping_after",
        default=5.0,
        min=0.0,
        help="All servers: a pooled connection that was in use less than so many "
        "seconds ago is not asked whether it is alive, which saves a message per transaction; if it "
        "is not, the driver method is run again. 0: it is always asked, as without retry.",
    ),
    cfg.BoolOpt(
        "read_without_transaction",
        default=True,
        help="PostgreSQL and CockroachDB at READ COMMITTED: run the statements of transactions that only "
        "read each alone, which saves two messages per transaction and reads the same.",
    ),
    cfg.IntOpt(
        "galera_sync_wait",
        min=0,
        max=15,
        help="Galera: wsrep_sync_wait of Keystone's sessions, a bit mask of the statements that wait "
        "until this node has applied what the cluster has committed (1: reads, 3: reads, updates "
        "and deletes). Needed where a client's requests may reach different nodes and must see its "
        "own writes; each such transaction then costs about one round trip of the cluster. Unset: "
        "[database] mysql_wsrep_sync_wait.",
    ),
    cfg.BoolOpt(
        "galera_dirty_reads",
        default=False,
        help="Galera: let a site that is cut off from the majority go on reading its own data "
        "(wsrep_dirty_reads): tokens are issued and validated there as of the moment of the cut, without "
        "what was revoked since. Writes are answered 503 in either case.",
    ),
    cfg.BoolOpt(
        "snapshot_isolation",
        default=True,
        help="Refuse to change a row that another transaction has changed since this one has read it, and "
        "run the method again; without it two changes to one row at the same moment, by two clients or by a "
        "client and another site, can lose one of them. MariaDB 10.6.18, 10.11.8 and later: by "
        "innodb_snapshot_isolation; PostgreSQL, unless isolation_level is set: transactions that write begin "
        "at REPEATABLE READ.",
    ),
    cfg.FloatOpt(
        "lock_wait_timeout",
        min=0.0,
        help="All servers: seconds that a statement waits for a lock before its "
        "transaction is given up and run again. Unset: the server's own setting.",
    ),
    cfg.FloatOpt(
        "sqlite_busy_timeout",
        default=30.0,
        min=0.0,
        help="SQLite: seconds to wait for another writer before the database counts as locked.",
    ),
    cfg.BoolOpt(
        "sqlite_wal",
        default=True,
        help="SQLite: use the write-ahead log, with which readers and the one writer never wait for each "
        "other. Switch it off where the database lies on a network file system.",
    ),
    SQLITE_FOREIGN_KEYS,
]

#: Those of them that are set once on each new session.
OF_SESSIONS = ("isolation_level", "lock_wait_timeout")

CAPTURE_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "capture",
        default="auto",
        choices=[
            ("auto", "triggers where the database has them"),
            ("triggers", "in the database: they see every change"),
            ("events", "in Keystone's own processes: they see what these change"),
        ],
        help="What marks a change to be replicated: triggers in the database, or events in Keystone's own "
        "processes, which do not see what other programs and hand-written SQL change. auto: triggers "
        "where the database has them (CockroachDB from 24.3). After a change run `viaduct init` again "
        "and start Keystone anew.",
    ),
]


@dataclass(frozen=True)
class DriverSettings:
    """What is put around the drivers. Times in seconds."""

    retry: bool = True
    retry_deadline: float = 20.0
    refused_deadline: float = 1.0
    retry_after: int = 5
    counters_folder: str | None = None
    retry_first_delay: float = 0.01
    retry_max_delay: float = 1.0
    request_memo: bool = True
    request_memo_entries: int = 4096
    request_memo_kilobytes: int = 4096


@dataclass(frozen=True)
class SqlSettings:
    """What is set on the engine. Times in seconds."""

    isolation_level: str | None = None
    ping_after: float = 5.0
    read_without_transaction: bool = True
    galera_sync_wait: int | None = None
    galera_dirty_reads: bool = False
    snapshot_isolation: bool = True
    lock_wait_timeout: float | None = None
    sqlite_busy_timeout: float = 30.0
    sqlite_wal: bool = True
    sqlite_foreign_keys: bool = True


def register(conf: Any) -> None:
    """Register all options on ``conf`` (an ``oslo_config.cfg.ConfigOpts``); doing it twice is harmless."""
    for _group, options in list_opts():
        conf.register_opts(options, group=GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Entry point ``oslo.config.opts``: what ``oslo-config-generator`` prints."""
    return [(GROUP, DRIVER_OPTS + SQL_OPTS + CAPTURE_OPTS)]


def driver_settings(conf: Any) -> DriverSettings:
    """The driver options of a parsed ``conf``."""
    register(conf)
    return DriverSettings(**{opt.dest: conf[GROUP][opt.dest] for opt in DRIVER_OPTS})


def sql_settings(conf: Any) -> SqlSettings:
    """The engine options of a parsed ``conf``."""
    register(conf)
    settings = SqlSettings(**{opt.dest: conf[GROUP][opt.dest] for opt in SQL_OPTS})
    # a connection that turns out to be dead, a row that was changed: answered by running the method again
    return settings if conf[GROUP].retry else replace(settings, ping_after=0.0, snapshot_isolation=False)


def capture_setting(conf: Any) -> str:
    """``[viaduct] capture`` of a parsed ``conf``."""
    register(conf)
    return str(conf[GROUP].capture)
