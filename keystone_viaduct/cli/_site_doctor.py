"""Look for what is wrong or missing at this site, and say what to do about it.

Exit code 0 when nothing is wrong, 1 when something is, 2 when the database can't be looked at.
"""

from __future__ import annotations

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import KEYSTONE, OUTPUT, Arguments
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.clock import SystemClock

HELP = "find out what is wrong at this site"
SECTION = "site"
EXAMPLES = (
    "viaduct site doctor",
    "viaduct site doctor --config-file /etc/keystone/keystone.conf",
)
EXIT_CODES = {0: "nothing is wrong", 1: "something is wrong", 2: "nothing could be looked at"}
ERROR_EXIT_CODE = 2


PARAMS = (
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Run every check; changes nothing."""
    from keystone_viaduct.cli import _without_sql
    from keystone_viaduct.cli._checks import examine
    from keystone_viaduct.health.finding import Verdict

    conf, now = _without_sql.configuration(args), SystemClock().now()
    found = _without_sql.examine(conf, now) if conf is not None else examine(_keystone.settings_of(args), now)
    healthy = all(finding.verdict is not Verdict.PROBLEM for finding in found)
    terminal.data({"ok": healthy, "checks": [finding.as_dict() for finding in found]})
    terminal.table("", ["", "check", "finding", "hint"], [finding.row() for finding in found])
    terminal.say("nothing is wrong" if healthy else "something is wrong")
    return 0 if healthy else 1
