"""A wide-area network on one machine: network namespaces with a delay between them.

Linux' own emulator (netem) is not in every kernel, and a proxy delays what it knows of; here every IP packet
goes through a TUN device of its sender's namespace and a router in this process. :mod:`roads` decides when
and whether a packet arrives, without input or output; :mod:`namespaces` makes namespaces and devices, which
vanish with the last process in them; :mod:`router` moves the packets.
"""

from keystone_viaduct.testing.wan.namespaces import Place, make_place
from keystone_viaduct.testing.wan.roads import Roads
from keystone_viaduct.testing.wan.router import Router

__all__ = ["Place", "Roads", "Router", "make_place"]
