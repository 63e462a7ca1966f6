"""A Galera cluster of several sites on one machine, with a wide-area network between them.

``python -m keystone_viaduct.testing.galera --rtt 50`` starts one and prints its URLs; in programs::

    with Galera(sites=3, rtt=0.05) as cluster:
        cluster.create("keystone")
        url = cluster.url(1, "keystone")
        cluster.cut(3)

Each site is a MariaDB server in a network namespace of its own; its clients reach it through a Unix socket,
without delay, as a Keystone beside it would. All of it runs in a process namespace whose first process
(:mod:`world`) ends it with its owner, whatever happened to that. Root is needed, and MariaDB with Galera.
"""

from keystone_viaduct.testing.galera.cluster import Galera, Node, missing
from keystone_viaduct.testing.galera.node import QUICK, TYPICAL

__all__ = ["QUICK", "TYPICAL", "Galera", "Node", "missing"]
