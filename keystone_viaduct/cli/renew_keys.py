"""Give this site further keys of its own, and close again with them what it keeps closed.

The older keys go on opening what was sealed for them, until --drop-old removes them.
"""

from __future__ import annotations

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import DRY_RUN, KEYSTONE, OUTPUT, Arguments, flag
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal

HELP = "renew this site's own keys"
SECTION = "keys"
EXAMPLES = (
    "viaduct renew-keys",
    "viaduct renew-keys --drop-old --dry-run",
)


PARAMS = (
    flag("--drop-old", help="remove the older keys instead of adding one"),
    DRY_RUN,
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Add or drop keys, and close everything with the present one. May be interrupted and repeated."""
    from keystone_viaduct.cli._site import open_store
    from keystone_viaduct.sync.sealing import SERIES, add_keys, drop_old_keys, old_keys
    from keystone_viaduct.sync.store.reclose import reclose

    settings = _keystone.settings_of(args)
    open_store(settings).read(lambda tx: tx.known_state())  # nothing is made for what is no site
    if args.dry_run:
        dropped = old_keys(settings.viaduct_keys) if args.drop_old else []
        terminal.data({"added": 0 if args.drop_old else len(SERIES), "dropped": len(dropped)})
        terminal.say(
            f"{len(dropped)} old keys would be dropped: {', '.join(map(str, dropped)) or 'there are none'}"
            if args.drop_old
            else f"{len(SERIES)} keys would be added in {settings.viaduct_keys}"
        )
        terminal.say(UNCHANGED)
        return 0
    added = [] if args.drop_old else add_keys(settings.viaduct_keys)
    store, closed = open_store(settings), 0
    while found := store.run(reclose):
        closed += found
    dropped = drop_old_keys(settings.viaduct_keys) if args.drop_old else []
    terminal.data({"added": len(added), "dropped": len(dropped), "closed_again": closed})
    if added:
        terminal.say(f"{len(added)} keys added; {closed} secrets closed again with the new one")
        terminal.say(
            "once the other sites know it (see `viaduct renew-keys --help`), drop the old ones: --drop-old"
        )
    else:
        terminal.say(f"{len(dropped)} old keys dropped; {closed} secrets closed again before that")
    return 0
