"""The stand-in's server: a thread per connection, each with its own connection to the PostgreSQL behind."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from tests.support.standin import rules, wire

Plan = Callable[[str], str | None]
"""Called with each statement of a transaction, and COMMIT; the SQLSTATE that it is refused with, if it is."""

_BEGIN = re.compile(r"\s*(BEGIN|START TRANSACTION)\b", re.IGNORECASE)
_END = re.compile(r"\s*(COMMIT|ROLLBACK|END|ABORT)\s*;?\s*\Z", re.IGNORECASE)
_ALONE = (
    "stand-in: a schema change beside other statements in one transaction, which CockroachDB documents as "
    "not atomic"
)


@dataclass
class Transaction:
    """What a connection has done since BEGIN."""

    statements: int = 0
    schema_changes: int = 0

    def mixes(self, sql: str) -> bool:
        """Whether one more statement would leave a schema change that is not alone."""
        changes = rules.is_ddl(sql)
        return self.schema_changes > 0 or (changes and self.statements > 0)

    def add(self, sql: str) -> None:
        """Count a statement."""
        self.statements += 1
        self.schema_changes += rules.is_ddl(sql)


@dataclass
class StandIn:
    """Listens on ``port`` of localhost for the database ``url`` of a PostgreSQL. A context manager.

    ``plan`` decides what is refused; ``statements`` are all that clients have sent, as they sent them.
    """

    url: str
    plan: Plan = lambda _sql: None
    statements: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._target = sa.engine.make_url(self.url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def cockroach_url(self) -> str:
        """The URL for clients."""
        return f"cockroachdb+psycopg2://{self._target.username}@127.0.0.1:{self.port}/{self._target.database}"

    def __enter__(self) -> StandIn:
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(rules.SETUP)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for link in self._open:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, self._connect() as server:
            with self._lock:
                self._open |= {client, server}
            try:
                Session(self, client, server).run()
            except (wire.Hangup, OSError):
                return
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _connect(self) -> socket.socket:
        host = str(self._target.query["host"])
        link = socket.socket(socket.AF_UNIX)
        link.connect(f"{host}/.s.PGSQL.{self._target.port or 5432}")
        return link

    def judge(self, sql: str) -> str | None:
        """What the plan says to one statement."""
        with self._lock:
            self.statements.append(sql)
            code = self.plan(sql)
            if code is not None:
                self.refused.append(sql)
        return code


class Session:
    """One connection of a client, and the one behind it."""

    def __init__(self, standin: StandIn, client: socket.socket, server: socket.socket) -> None:
        self._standin = standin
        self._client = client
        self._server = server
        self._transaction: Transaction | None = None

    def run(self) -> None:
        """Until either side hangs up."""
        wire.send_startup(self._server, wire.receive_startup(self._client))
        greeting = list(wire.until_ready(self._server))
        version = (wire.PARAMETER, b"crdb_version\0" + rules.VERSION.encode() + b"\0")
        wire.send(self._client, *greeting[:-1], version, greeting[-1])
        while True:
            kind, body = wire.receive(self._client)
            if kind == wire.TERMINATE:
                return
            if kind != wire.QUERY:
                raise NotImplementedError(f"message {kind!r}: clients use simple queries")
            wire.send(self._client, *self._answer(body.rstrip(b"\0").decode()))

    def _answer(self, sql: str) -> list[wire.Message]:
        code = self._standin.judge(sql)
        if _END.match(sql):
            return self._end(sql, code)
        if _BEGIN.match(sql):
            self._transaction = Transaction()
            return wire.query(self._server, sql)
        if code is not None:
            return wire.query(self._server, rules.raising(code, _message(code)))
        transaction = self._transaction or Transaction()
        if transaction.mixes(sql):
            return wire.query(self._server, rules.raising("0A000", _ALONE))
        transaction.add(sql)
        return wire.query(self._server, rules.rewrite(sql))

    def _end(self, sql: str, code: str | None) -> list[wire.Message]:
        """An ambiguous commit has happened, a refused one has not; either way the transaction is over."""
        self._transaction = None
        if code is None:
            return wire.query(self._server, sql)
        wire.query(self._server, "COMMIT" if code == "40003" else "ROLLBACK")
        return wire.query(self._server, rules.raising(code, _message(code)))


def _message(code: str) -> str:
    return rules.AMBIGUOUS if code == "40003" else rules.RESTART
