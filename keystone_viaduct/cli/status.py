"""Show the fleet on one screen: each site, how far it is, what waits, what is wrong.

All sites are asked at once over their API, and the agent if one runs on this machine. `lacks` is how many
positions of the hub's feed a site has not got, `owes` how many of its own the hub has not. With
--config-file, or where there is no viaduct.yaml, it is `viaduct site status`: that of one site, read from its
database.
"""

from __future__ import annotations

import time

from keystone_viaduct.cli import _screen, _site_status
from keystone_viaduct.cli._options import FLEET, KEYSTONE, OUTPUT, Arguments, flag, option
from keystone_viaduct.cli._terminal import Terminal

HELP = "show the fleet on one screen"
SECTION = "fleet"
EXAMPLES = (
    "viaduct status",
    "viaduct status --watch",
    "viaduct status --format json",
)
EXIT_CODES = {0: "shown", 1: "shown; something is wrong (`viaduct doctor` says what)"}
ERROR_EXIT_CODE = 2
PARAMS = (
    flag("--watch", help="show it again and again, until Ctrl-C"),
    option("--every", type=float, default=5.0, metavar="SECONDS", help="with --watch: so often (5)"),
    *OUTPUT,
    FLEET,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Once, or until somebody has seen enough."""
    if not _screen.is_fleet(args):
        return _site_status.run(args, terminal)
    if not args.watch:
        return _once(args, terminal)
    while True:
        if terminal.for_people and terminal.out.is_terminal:
            with terminal.out.capture() as screen:
                _once(args, terminal)
            terminal.out.clear()
            terminal.out.out(screen.get(), end="")
        else:
            _once(args, terminal)
        time.sleep(max(0.2, args.every))


def _once(args: Arguments, terminal: Terminal) -> int:
    from keystone_viaduct.health.checks import examine
    from keystone_viaduct.health.finding import Verdict, worst

    view = _screen.look_at(args)
    found = examine(view)
    verdict = worst(found)
    terminal.data({**view.as_dict(), "verdict": str(verdict), "checks": [one.as_dict() for one in found]})
    _screen.tell_status(terminal, view, found)
    _screen.tell_findings(terminal, found, everything=False)
    return 1 if verdict is Verdict.PROBLEM else 0
