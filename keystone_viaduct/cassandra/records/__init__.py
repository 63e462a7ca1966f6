"""Records over single partitions: changed whole or not at all, under unique names, and found by listings.

A condition covers one partition of one table, so a change is a row of steps in an order that any crash leaves
harmless: claims of new names, new rows of listings, the record itself (the only step that decides), then
what has become obsolete. What a crash leaves over is a claim without a matching record, or a row of a
listing that the record does not confirm; both are recognised by whoever meets them.
"""

from keystone_viaduct.cassandra.records.claim import NameTaken
from keystone_viaduct.cassandra.records.record import Records
from keystone_viaduct.cassandra.records.shape import Fields, Listing, Shape, Unique

__all__ = ["Fields", "Listing", "NameTaken", "Records", "Shape", "Unique"]
