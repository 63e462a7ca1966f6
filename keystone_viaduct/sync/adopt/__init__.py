"""Bringing in a Keystone that already has data under other ids: compare, plan, re-key.

``make_plan`` compares two inventories and decides nothing but by rule; ``adopt`` carries a plan out in the
site's own database, one transaction per record, resumable.
"""

from .access import Access
from .announce import access_lines, access_to_json
from .choices import Choices, Settled, undecided
from .feed import FeedInventory
from .inventory import DatabaseInventory, FileInventory, Inventory, save_inventory
from .overrides import Choice, Overrides
from .plan import make_plan
from .report import plan_to_json, plan_to_text
from .run import AdoptResult, adopt, apply_moves
from .verdict import Clash, Match, Move, Plan

__all__ = [
    "Access",
    "AdoptResult",
    "Choice",
    "Choices",
    "Clash",
    "DatabaseInventory",
    "FeedInventory",
    "FileInventory",
    "Inventory",
    "Match",
    "Move",
    "Overrides",
    "Plan",
    "Settled",
    "access_lines",
    "access_to_json",
    "adopt",
    "apply_moves",
    "make_plan",
    "plan_to_json",
    "plan_to_text",
    "save_inventory",
    "undecided",
]
