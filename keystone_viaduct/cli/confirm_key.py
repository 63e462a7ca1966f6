"""Take a site's new public key, after you have asked whoever runs it.

A site that renews its keys proves the new one with the one before. Where it can't (its key repository was
lost, or the old keys were dropped too early) its fingerprint has to be compared by people: `viaduct status`
shows it at that site.
"""

from __future__ import annotations

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, option
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal
from keystone_viaduct.errors import ConfigError

HELP = "take a site's new public key that it has not proven"
SECTION = "keys"
EXAMPLES = (
    "viaduct confirm-key west --fingerprint 0123abcd… --dry-run",
    "viaduct confirm-key west --fingerprint 0123abcd… --at south",
)


PARAMS = (
    argument("site", metavar="SITE", help="the site whose key has changed"),
    option("--at", metavar="SITE", help="the site that does not take it (default: the hub)"),
    option("--fingerprint", required=True, help="what `viaduct status` says at that site"),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Compare with what the site shows over its API, then register it."""
    from keystone_viaduct.sync.agent.contact import peer_of
    from keystone_viaduct.sync.sealing import key_fingerprint

    shown = _fleet.open_site(args, args.site).capabilities()
    found = key_fingerprint(shown.public_key)
    if found != args.fingerprint.strip().lower():
        raise ConfigError(
            f"{args.site} shows a key with another fingerprint: {found}",
            hint=f"`viaduct status` at {args.site} tells its own; if they differ, somebody sits between",
            site=args.site,
        )
    at = _fleet.open_site(args, args.at) if args.at else _fleet.open_hub(args)
    terminal.data({"site": args.site, "at": at.name, "fingerprint": found})
    if args.dry_run:
        terminal.say(f"{args.site} shows {found}, as you say; {at.name} would take it from then on")
        terminal.say(UNCHANGED)
        return 0
    at.register(peer_of(shown), confirmed=True)
    terminal.say(f"{at.name} takes {found} for the key of {args.site} from now on")
    return 0
