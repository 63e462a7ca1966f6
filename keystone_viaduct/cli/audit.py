"""Who has changed the fleet's settings at a site: charter, hub, keys, peers, conflicts, records, accounts."""

from __future__ import annotations

import json
from typing import Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import FLEET, OUTPUT, Arguments, option
from keystone_viaduct.cli._terminal import Terminal, moment

HELP = "who has changed the fleet's settings at a site"
SECTION = "fleet"
EXAMPLES = (
    "viaduct audit --limit 20",
    "viaduct audit --site west --format yaml",
)


PARAMS = (
    option("--site", metavar="SITE", help="ask this site instead of the hub"),
    option("--limit", type=int, default=100, help="list at most so many"),
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the site's API; the latest first."""
    site = _fleet.open_site(args, args.site) if args.site else _fleet.open_hub(args)
    found = site.audit(args.limit)
    terminal.data({"site": site.name, "audit": found})
    rows = [[moment(e["at"]), e["action"], e["target"], _who(e), _change(e)] for e in found]
    terminal.table(f"Audit of {site.name}", ["when", "what", "of", "who", "new"], rows)
    return 0


def _who(entry: dict[str, Any]) -> str:
    return f"{entry['actor']} {entry['address']}".strip()


def _change(entry: dict[str, Any]) -> str:
    text = json.dumps(entry.get("new"), sort_keys=True)
    return text if len(text) <= 80 else f"{text[:77]}..."
