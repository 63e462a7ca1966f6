"""Show what the Keystones of this host ran again because the database asked for it, and how that ended.

Adds up what all workers keep in `[viaduct] counters_folder`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import KEYSTONE, OUTPUT, Arguments, flag, option
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ConfigError

HELP = "show what was run again, and how it ended"
SECTION = "site"
EXAMPLES = (
    "viaduct retries",
    "viaduct retries --prometheus",
)
ERROR_EXIT_CODE = 2


PARAMS = (
    option("--folder", type=Path, help="the folder, instead of the configuration's"),
    flag("--prometheus", help="print Prometheus' text format"),
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Reads files only. Raises ConfigError."""
    from keystone_viaduct import counting
    from keystone_viaduct.drivers import counters

    found = counting.collect(args.folder or _folder(args))
    if args.prometheus:
        sys.stdout.write(counting.prometheus(found, counters.OF_RETRIES))
        return 0
    counts = counters.Counts.of(found)
    terminal.data(counts.as_json())
    rows = [[*address, count] for address, count in counts.retries.most_common()]
    terminal.table("Run again", ["driver", "method", "because of", "times"], rows)
    ends = ", ".join(
        f"{counts.outcomes[outcome]} {meaning}"
        for outcome, meaning in (
            (counters.RECOVERED, "recovered"),
            (counters.RESOLVED, "had been done already"),
            (counters.EXHAUSTED, "given up"),
        )
    )
    terminal.say(f"calls that were run again: {ends}; {counts.seconds:.1f} s spent on it")
    return 0


def _folder(args: Arguments) -> Path:
    folder = _keystone.settings_of(args).counters_folder
    if folder is None:
        raise ConfigError(
            "the Keystones of this configuration keep no counts",
            hint="set [viaduct] counters_folder to a folder that Keystone's account may write to",
        )
    return folder
