"""Play the demo: three real Keystones in three regions, kept as one over roads that can be cut.

Everything lives in one folder and in processes that end with this one. Without --once it then stays up, with
a clouds.yaml and commands to try, until Ctrl-C.
"""

from __future__ import annotations

from pathlib import Path

from keystone_viaduct.cli._options import Arguments, flag, option
from keystone_viaduct.cli._terminal import Terminal

HELP = "three Keystones kept as one, played before your eyes"
SECTION = "other"
EXAMPLES = (
    "viaduct demo --once",
    "viaduct demo --rtt 150 --folder /tmp/fleet",
)
EXIT_CODES = {1: "a step did not hold, or the sites differ"}


PARAMS = (
    flag("--once", help="play and exit: 0 only if every step held and all sites are equal"),
    option("--json", "json_file", type=Path, metavar="FILE", help="write the report there"),
    option("--rtt", type=float, default=80.0, metavar="MS", help="round trip between the regions (80)"),
    option("--folder", type=Path, metavar="FOLDER", help="where the sites live: new or empty, and kept"),
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Play it."""
    from keystone_viaduct.demo.fleet import Fleet
    from keystone_viaduct.demo.report import Narrator
    from keystone_viaduct.demo.run import run_demo

    narrator = Narrator(terminal.out)
    return run_demo(
        fabric=Fleet(narrator),
        once=args.once,
        json_path=args.json_file,
        rtt_ms=args.rtt,
        folder=args.folder,
        narrator=narrator,
    )
