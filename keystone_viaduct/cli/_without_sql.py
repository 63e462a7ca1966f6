"""`viaduct status` and `viaduct doctor` of a Keystone that has nothing in an SQL database."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _cassandra
from keystone_viaduct.cli._options import Arguments
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.cli.cassandra import SAFE, look, show
from keystone_viaduct.drivers import chosen
from keystone_viaduct.health.finding import Finding, Verdict

if TYPE_CHECKING:
    from keystone_viaduct.cassandra.schema.ladder import Ladder

NO_SITE = "a Keystone whose data is in Cassandra is no site of a fleet: nothing is synchronised here"
WAITS = ("read_request_timeout", "write_request_timeout", "cas_contention_timeout")
"""Settings of a node: how long it waits for others before it says that a statement failed."""
OFF_SECONDS = 1.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def configuration(args: Arguments) -> Any | None:
    """Keystone's configuration, where all of its drivers do without SQL and some are in Cassandra."""
    conf = _cassandra.read(args.config_file or [], args.config_dir or [], os.environ)
    return conf if chosen.without_sql(conf) and chosen.any_in_cassandra(conf) else None


def status(conf: Any, terminal: Terminal) -> int:
    """What `viaduct cassandra status` says."""
    with _cassandra.ladder(conf) as ladder:
        code = show(terminal, look(ladder))
    terminal.say(NO_SITE)
    return code


@dataclass(frozen=True)
class Seen:
    """What the checks look at; ``found`` as :func:`look` gives it, ``now`` in microseconds."""

    ladder: Ladder
    found: Mapping[str, Any]
    now: int


def examine(conf: Any, now: int) -> list[Finding]:
    """Every check. Raises ConfigError, StoreUnavailable."""
    with _cassandra.ladder(conf) as ladder:
        seen = Seen(ladder, look(ladder), now)
        return [finding for check in CHECKS for finding in check(seen)]


def check_keyspace(seen: Seen) -> Iterator[Finding]:
    """Is Keystone's keyspace there, and may this release work in it?"""
    found = seen.found
    for problem in found["problems"]:
        yield Finding("keyspace", Verdict.PROBLEM, problem["message"], problem["hint"])
    if not found["problems"]:
        said = f"{found['keyspace']}, version {found['schema']}, {found['serial']}; {NO_SITE}"
        yield Finding("keyspace", Verdict.OK, said)


def check_copies(seen: Seen) -> Iterator[Finding]:
    """Does Keystone go on when a node is lost?"""
    held = seen.found.get("replicas", {})
    said = ", ".join(f"{name}={count}" for name, count in sorted(held.items()))
    if held and max(held.values()) < SAFE:
        what = f"copies {said}: one node that is lost stops every Keystone of its data centre"
        yield Finding("copies", Verdict.WARNING, what, f"{SAFE} copies in a data centre go on without one")
    elif held:
        yield Finding("copies", Verdict.OK, said)


def check_paxos(seen: Seen) -> Iterator[Finding]:
    """Are the nodes set up for lightweight transactions?"""
    settings = seen.found.get("paxos", {})
    if not settings:
        return
    if settings.get("paxos_variant") != "v2" or settings.get("paxos_state_purging") != "repaired":
        said = ", ".join(f"{name} {value}" for name, value in sorted(settings.items()))
        hint = (
            "paxos_variant: v2, then paxos_state_purging: repaired at all nodes, with `nodetool repair "
            "--paxos-only` each hour: fewer round trips, and nothing forgotten by time alone"
        )
        yield Finding("paxos", Verdict.WARNING, said, hint)
    else:
        yield Finding("paxos", Verdict.OK, "v2, purged when repaired")


def check_timeouts(seen: Seen) -> Iterator[Finding]:
    """Does Keystone wait as long as a node does? Else what is given up counts as lost for nothing."""
    mine = seen.ladder.session.settings.request_timeout
    found = {name: seconds(value) for name, value in seen.ladder.node_settings(WAITS).items()}
    longer = sorted(name for name, value in found.items() if value is not None and value > mine)
    if longer:
        what = f"[cassandra] request_timeout is {mine:g} s, and the nodes' {', '.join(longer)} longer"
        yield Finding("timeouts", Verdict.WARNING, what, "raise the one, or lower the others")
    else:
        yield Finding("timeouts", Verdict.OK, f"{mine:g} s, not below those of the nodes")


def check_clock(seen: Seen) -> Iterator[Finding]:
    """Do the clocks of this machine and of a node agree? Expiry and revocation compare their times."""
    off = abs(seen.ladder.session.clock() - seen.now / 1000) / 1000
    if off > OFF_SECONDS:
        what = f"the clocks of this machine and of a node differ by {off:.1f} s"
        yield Finding("clock", Verdict.WARNING, what, "set both by NTP")
    else:
        yield Finding("clock", Verdict.OK, "as that of a node, within a second")


CHECKS: Sequence[Callable[[Seen], Iterable[Finding]]] = (
    check_keyspace,
    check_copies,
    check_paxos,
    check_timeouts,
    check_clock,
)


def seconds(text: str) -> float | None:
    """A duration as Cassandra writes it; None where that is none."""
    match = re.fullmatch(r"(\d+)(ms|s|m)", text)
    return int(match[1]) * _UNITS[match[2]] if match else None
