"""Data centres, replicas, and the one serial level that a keyspace has.

With LOCAL_SERIAL in two data centres, 53 of 100 names got two acknowledged owners; and the two levels must
never meet on one partition. So the level follows from how many data centres hold the keyspace, is stored in
it when its schema is made, and a Keystone that finds another one stored than the replicas ask for does not
start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cassandra import ConsistencyLevel

from keystone_viaduct.errors import ConfigError, SchemaMissing

NETWORK_TOPOLOGY = "NetworkTopologyStrategy"
ALL_DATACENTERS, ONE_DATACENTER = "SERIAL", "LOCAL_SERIAL"


@dataclass(frozen=True)
class Levels:
    """Consistency of plain reads, of writes, and of the deciding part of lightweight transactions.

    What SERIAL has decided is committed at QUORUM: at LOCAL_QUORUM an acknowledged write could live in the
    other data centre's notes only, where no plain read sees it.
    """

    serial: str
    read: str = "LOCAL_QUORUM"

    @property
    def write(self) -> str:
        """That of writes and commits."""
        return "QUORUM" if self.serial == ALL_DATACENTERS else "LOCAL_QUORUM"

    @staticmethod
    def value(name: str) -> int:
        """The driver's number of a level."""
        return int(ConsistencyLevel.name_to_value[name])


def local(known: Iterable[str], wanted: str | None) -> str:
    """The data centre that this Keystone talks to, of those that the cluster has."""
    names = sorted(set(known))
    if wanted is None:
        if len(names) == 1:
            return names[0]
        raise ConfigError(
            f"the cluster has several data centres: {', '.join(names)}",
            hint="say by [cassandra] local_datacenter which one is this Keystone's",
        )
    if wanted not in names:
        raise ConfigError(
            f"the cluster has no data centre {wanted!r}, but {', '.join(names) or 'none'}",
            hint="correct [cassandra] local_datacenter; the names are those of `nodetool status`",
        )
    return wanted


def replicas(replication: Mapping[str, str], keyspace: str) -> dict[str, int]:
    """Data centre to replicas there, of a keyspace's ``replication``."""
    strategy = replication.get("class", "").rpartition(".")[2]
    if strategy != NETWORK_TOPOLOGY:
        raise ConfigError(
            f"keyspace {keyspace} is replicated by {strategy or 'nothing'}, which knows no data centres",
            hint=f"ALTER KEYSPACE {keyspace} WITH replication = {{'class': '{NETWORK_TOPOLOGY}', …}}",
        )
    counts = {name: int(value) for name, value in replication.items() if name != "class"}
    return {name: count for name, count in counts.items() if count > 0}


def serial(held: Mapping[str, int]) -> str:
    """The serial level that a keyspace with these replicas needs."""
    return ALL_DATACENTERS if len(held) > 1 else ONE_DATACENTER


def check(held: Mapping[str, int], stored: str | None, datacenter: str, keyspace: str) -> None:
    """Raise where a Keystone in ``datacenter`` must not work on a keyspace with these replicas."""
    if datacenter not in held:
        raise ConfigError(
            f"keyspace {keyspace} has no replica in data centre {datacenter}, but in "
            f"{', '.join(sorted(held))}",
            hint="ALTER KEYSPACE to give it some, then `nodetool rebuild` there",
        )
    if stored is None:
        raise SchemaMissing(
            f"keyspace {keyspace} does not say which serial level it has", hint="upgrade its schema"
        )
    if stored != serial(held):
        raise ConfigError(
            f"keyspace {keyspace} was made for {stored}, and its replicas in {', '.join(sorted(held))} need "
            f"{serial(held)}: with both at once a name can get two owners",
            hint="stop every Keystone on it, then upgrade its schema, which stores the new level",
        )
