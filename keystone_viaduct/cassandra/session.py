"""One connection to the cluster per process, made at its first use.

Never before a fork: a session that a child inherits hangs for ever in it, for its threads stayed in the
parent. So nothing is connected at import or while the application is built, and a child makes its own.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import cassandra
from cassandra import ConsistencyLevel, auth, cluster, concurrent, policies, query

from keystone_viaduct.cassandra import faults, topology
from keystone_viaduct.cassandra.settings import Settings
from keystone_viaduct.errors import StoreUnavailable

CONCURRENT = 32
"""Statements under way at once when many are sent."""
SCANNED = 1000
"""Rows of a whole table that are read at once."""

Statement = tuple[str, Sequence[Any]]


class Answer(NamedTuple):
    """Whether a lightweight transaction was applied; where it was not, what the row holds that it asked
    for.
    """

    applied: bool
    row: Any


class _Retries(policies.RetryPolicy):  # type: ignore[misc]
    """The driver's own retries are those that can do no harm: another node, for what may be repeated.

    A conditional statement is repeated by the code that can tell whether it was applied.
    """

    def on_request_error(self, query: Any, consistency: Any, error: Any, retry_num: int) -> Any:
        if query.is_idempotent and retry_num < 2:
            return self.RETRY_NEXT_HOST, None
        return self.RETHROW, None

    def on_write_timeout(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        return self.RETHROW, None


class Session:
    """Statements of one process, prepared once. All errors are ours (``faults``)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pid = os.getpid()
        self.levels = topology.Levels(topology.ONE_DATACENTER, settings.read_consistency)
        self._prepared: dict[str, Any] = {}
        self._preparing = threading.Lock()
        self._cluster = _cluster(settings)
        try:
            self._session = self._cluster.connect()
            self.datacenter = topology.local(self.datacenters(), settings.local_datacenter)
        except Exception as error:
            known = self.datacenters()
            self._cluster.shutdown()
            if known and _foreign(error):
                topology.local(known, settings.local_datacenter)  # a wrong one is why nobody could be asked
            raise faults.translate(error, changes=False) if _foreign(error) else error from error

    def datacenters(self) -> set[str]:
        """Those of the nodes that are known."""
        return {host.datacenter for host in self._cluster.metadata.all_hosts() if host.datacenter}

    def nodes(self) -> dict[str, int]:
        """How many nodes each data centre has, whether they are up or not."""
        return dict(
            Counter(host.datacenter for host in self._cluster.metadata.all_hosts() if host.datacenter)
        )

    def clock(self) -> int:
        """What a node's clock says, in milliseconds since the epoch."""
        [row] = self.read("SELECT toUnixTimestamp(now()) AS now FROM system.local")
        return int(row.now)

    def close(self) -> None:
        """End the connections and the driver's threads."""
        self._cluster.shutdown()

    def read(self, text: str, values: Sequence[Any] = (), *, serial: bool = False) -> list[Any]:
        """All rows; ``serial``: after every lightweight transaction on the partition that was begun
        before.
        """
        level = self.levels.serial if serial else self.levels.read
        bound = self._bind(text, values, level, idempotent=True)
        return list(self._run(lambda: list(self._session.execute(bound)), changes=False))

    def read_many(self, text: str, many: Iterable[Sequence[Any]]) -> list[list[Any]]:
        """The rows of the same statement with each of these values, sent at once."""
        bound = [self._bind(text, values, self.levels.read, idempotent=True) for values in many]
        return [list(rows) for rows in self._concurrently(bound, changes=False)]

    def scan(self, text: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """The rows of a statement that reads a whole table, page by page; what is behind the page that is
        being looked at has not been read.
        """
        bound = self._bind(text, values, self.levels.read, idempotent=True)
        bound.fetch_size = SCANNED
        found = self._run(lambda: self._session.execute(bound), changes=False)
        while True:
            yield from found.current_rows
            if not found.has_more_pages:
                return
            self._run(found.fetch_next_page, changes=False)

    def write(self, statements: Iterable[Statement]) -> None:
        """Run plain writes, at once, each of which may be repeated (they carry their own timestamps)."""
        bound = [self._bind(text, values, self.levels.write, idempotent=True) for text, values in statements]
        self._concurrently(bound, changes=True)

    def conditional(self, statements: Sequence[Statement]) -> Answer:
        """Run them as one lightweight transaction of one partition.

        Raises :class:`~keystone_viaduct.errors.OutcomeUnknown` where nobody can say.
        """
        bound = [self._bind(text, values, self.levels.write, idempotent=False) for text, values in statements]
        sent = bound[0]
        if len(bound) > 1:
            sent = query.BatchStatement(
                query.BatchType.UNLOGGED, consistency_level=self.levels.value(self.levels.write)
            )
            for one in bound:
                sent.add(one)
        sent.serial_consistency_level = self.levels.value(self.levels.serial)
        rows = self._run(lambda: self._session.execute(sent), changes=True)
        return Answer(bool(rows.was_applied), rows.one())

    def alter(self, text: str) -> None:
        """Change the schema, and wait until all nodes have the same one."""
        statement = query.SimpleStatement(text)
        future = self._run(lambda: self._session.execute_async(statement, timeout=60.0), changes=True)
        self._run(future.result, changes=True)
        if not future.is_schema_agreed:
            raise StoreUnavailable(
                "the nodes of Cassandra do not agree on the schema", hint="see `nodetool describecluster`"
            )

    def _bind(self, text: str, values: Sequence[Any], level: str, *, idempotent: bool) -> Any:
        prepared = self._prepared.get(text)
        if prepared is None:
            with self._preparing:
                prepared = self._prepared.get(text) or self._run(
                    lambda: self._session.prepare(text), changes=False
                )
                self._prepared[text] = prepared
        bound = prepared.bind(values)
        bound.consistency_level = self.levels.value(level)
        bound.is_idempotent = idempotent
        return bound

    def _concurrently(self, bound: Sequence[Any], *, changes: bool) -> list[Any]:
        if not bound:
            return []
        if len(bound) == 1:
            return [self._run(lambda: self._session.execute(bound[0]), changes=changes)]
        done = self._run(
            lambda: concurrent.execute_concurrent(
                self._session, [(one, None) for one in bound], CONCURRENT, raise_on_first_error=True
            ),
            changes=changes,
        )
        return [each.result_or_exc for each in done]

    def _run(self, work: Any, *, changes: bool) -> Any:
        try:
            return work()
        except Exception as error:
            if not _foreign(error):
                raise
            raise faults.translate(error, changes=changes) from error


def _foreign(error: BaseException) -> bool:
    """Whether it is the driver's."""
    return isinstance(error, (cassandra.DriverException, cluster.NoHostAvailable)) or type(
        error
    ).__module__.startswith("cassandra.")


def _cluster(settings: Settings) -> Any:
    balancing = policies.TokenAwarePolicy(policies.DCAwareRoundRobinPolicy(settings.local_datacenter or ""))
    speculation = (
        policies.ConstantSpeculativeExecutionPolicy(settings.speculative_delay, 2)
        if settings.speculative_delay
        else None
    )
    profile = cluster.ExecutionProfile(
        load_balancing_policy=balancing,
        retry_policy=_Retries(),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=settings.request_timeout,
        speculative_execution_policy=speculation,
    )
    account: Mapping[str, Any] = {}
    if settings.username is not None:
        account = {"auth_provider": auth.PlainTextAuthProvider(settings.username, settings.password)}
    return cluster.Cluster(
        list(settings.nodes),
        port=settings.port,
        execution_profiles={cluster.EXEC_PROFILE_DEFAULT: profile},
        ssl_context=settings.tls(),
        connect_timeout=settings.connect_timeout,
        control_connection_timeout=settings.request_timeout,
        protocol_version=5,
        **account,
    )
