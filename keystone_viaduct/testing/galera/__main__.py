"""Start a Galera cluster of several sites here, and end it with this program.

    python -m keystone_viaduct.testing.galera --rtt 50

It prints a URL per site, and then follows what is typed: ``rtt MS``, ``cut SITE``, ``heal SITE``,
``kill SITE``, ``start SITE``, ``status``, ``quit``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterable

from keystone_viaduct.errors import ServerFailed
from keystone_viaduct.testing.galera.cluster import Galera
from keystone_viaduct.testing.galera.node import QUICK, TYPICAL


def status(cluster: Galera) -> str:
    """One line per node."""
    lines = []
    for site in cluster.sites:
        node = cluster.node(site)
        lines.append(f"site {site}: {node.status or 'no answer'} {node.state} size={node.size}".rstrip())
    return "\n".join(lines)


def follow(cluster: Galera, line: str) -> str:
    """Carry out one order; what is to be said about it. Raises ValueError when it is not understood."""
    what, *rest = line.split()
    if what == "status" and not rest:
        return status(cluster)
    if what == "rtt":
        (milliseconds,) = rest
        cluster.set_rtt(float(milliseconds) / 1000)
        return f"all sites are {milliseconds} ms apart, there and back"
    orders = {"cut": cluster.cut, "heal": cluster.heal, "kill": cluster.kill, "start": cluster.restart}
    (site,) = rest
    if what not in orders or int(site) not in cluster.sites:
        raise ValueError(line)
    orders[what](int(site))
    return f"{what} {site}: done"


def converse(cluster: Galera, lines: Iterable[str]) -> None:
    """Follow orders until ``quit`` or the end of the input."""
    for line in lines:
        if line.strip() == "quit":
            return
        if line.strip():
            try:
                print(follow(cluster, line), flush=True)
            except (ValueError, IndexError):
                print("rtt MS | cut SITE | heal SITE | kill SITE | start SITE | status | quit", flush=True)


def main() -> int:
    """The program; its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m keystone_viaduct.testing.galera", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--sites", type=int, default=3, choices=range(1, 10), metavar="N", help="default: 3")
    parser.add_argument(
        "--rtt", type=float, default=0.0, metavar="MS", help="milliseconds between two sites, there and back"
    )
    parser.add_argument("--database", default="keystone", help="database to be created (default: keystone)")
    parser.add_argument(
        "--quick", action="store_true", help="suspect a silent site after 1.6 seconds instead of 5"
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        provider = QUICK if arguments.quick else TYPICAL
        with Galera(arguments.sites, arguments.rtt / 1000, provider) as cluster:
            cluster.create(arguments.database)
            for site in cluster.sites:
                print(f"site {site}: {cluster.url(site, arguments.database)}", flush=True)
            print("ready (type `status`, `quit` …; Ctrl-C ends it)", flush=True)
            converse(cluster, sys.stdin)
            if not sys.stdin.isatty():
                threading.Event().wait()  # in the background: until it is signalled
    except KeyboardInterrupt:
        return 0
    except ServerFailed as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
