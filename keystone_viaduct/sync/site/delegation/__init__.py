"""What a spoke may change at the hub (PROTOCOL rule 16): one rule for each kind, a list of ways to act as
somebody that all of them ask, and a court that asks them.
"""

from __future__ import annotations

from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court, Rule
from keystone_viaduct.sync.site.delegation.rules import RULES
from keystone_viaduct.sync.site.delegation.world import Unread, World, named_by

__all__ = ["RULES", "Act", "Court", "Problem", "Rule", "Unread", "World", "named_by"]
