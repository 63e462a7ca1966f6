"""Look for what is wrong in the fleet, and say what to do about it.

All sites are asked at once over their API, and the agent if one runs on this machine; the page on checks
explains each. With --config-file, or where there is no viaduct.yaml, it is `viaduct site doctor`: that of one
site, which sees its database and its files as well.
"""

from __future__ import annotations

from keystone_viaduct.cli import _screen, _site_doctor
from keystone_viaduct.cli._options import FLEET, KEYSTONE, OUTPUT, Arguments
from keystone_viaduct.cli._terminal import Terminal

HELP = "find out what is wrong in the fleet"
SECTION = "fleet"
EXAMPLES = (
    "viaduct doctor",
    "viaduct doctor --format json",
)
EXIT_CODES = {0: "nothing is wrong", 1: "something is wrong", 2: "nothing could be looked at"}
ERROR_EXIT_CODE = 2
PARAMS = (*OUTPUT, FLEET, *KEYSTONE)


def run(args: Arguments, terminal: Terminal) -> int:
    """Every check; changes nothing."""
    if not _screen.is_fleet(args):
        return _site_doctor.run(args, terminal)
    from keystone_viaduct.health.checks import examine
    from keystone_viaduct.health.finding import Verdict, worst

    found = examine(_screen.look_at(args))
    verdict = worst(found)
    healthy = verdict is not Verdict.PROBLEM
    terminal.data({"ok": healthy, "verdict": str(verdict), "checks": [one.as_dict() for one in found]})
    _screen.tell_findings(terminal, found, everything=True)
    terminal.say("nothing is wrong" if healthy else "something is wrong")
    return 0 if healthy else 1
