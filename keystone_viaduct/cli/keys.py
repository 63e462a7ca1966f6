"""Show or rotate the keys of tokens of the fleet.

The agent carries the keys: a new key is staged at every site, then used, and the old one is dropped when no
token can be left that was made with it. A site that is away holds a rotation up, and is named.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import DRY_RUN, FLEET, OUTPUT, Arguments, argument, option
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal, moment
from keystone_viaduct.errors import ConfigError

if TYPE_CHECKING:
    from keystone_viaduct.sync.client.keys import HttpKeys
    from keystone_viaduct.sync.keyset.model import FleetKeys
    from keystone_viaduct.sync.keyset.public import PublicFleet

HELP = "show or rotate the keys of tokens of the fleet"
SECTION = "keys"
EXAMPLES = (
    "viaduct keys status",
    "viaduct keys rotate --dry-run",
    "viaduct keys rotate --wait 60",
)
EXIT_CODES = {1: "a site lacks the present keys, or did not get them in time"}
#: Seconds between two looks at the hub while waiting.
LOOK = 0.5
#: The name of the public keys of JWS tokens (``sync.keyset.public`` is not imported before it is needed).
JWS = "jws"


PARAMS = (
    argument(
        "action",
        choices=("status", "rotate"),
        default="status",
        help="status (the default): which keys there are, and which sites lack them; "
        "rotate: use the next key as soon as every site has it",
    ),
    option("--repository", help="only this one: tokens, receipts or jws"),
    option(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="after rotate: until every site confirmed"
    ),
    DRY_RUN,
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Over the hub's API."""
    if args.dry_run and (args.action != "rotate" or args.wait):
        raise ConfigError("--dry-run goes with `rotate` alone", hint="`viaduct keys rotate --dry-run`")
    hub = _fleet.open_hub(args).keys
    if args.repository == JWS:
        return _public_only(args, terminal, hub)
    found = _fleet_keys(hub, args.repository)
    public = None if args.repository else _public(hub)
    if args.dry_run:
        return _tried(terminal, hub.name, found)
    if args.action == "rotate":
        for name in found:
            hub.rotate_keys(name)
        found = _wait(hub, found, args)
    shown = {name: _shown(keys) for name, keys in found.items()}
    terminal.data({"hub": hub.name, "repositories": shown, "public": public and _shown_public(public)})
    _print(terminal, found)
    if public is not None:
        _print_public(terminal, public)
    late = any(keys.missing for keys in found.values()) or (public is not None and bool(public.missing))
    waiting = bool(args.wait) and any(keys.wanted for keys in found.values())
    return 1 if waiting or (late and (args.action == "status" or args.wait)) else 0


def _tried(terminal: Terminal, hub: str, found: Mapping[str, FleetKeys]) -> int:
    """What a rotation would begin, and what it would wait for."""
    terminal.data({"hub": hub, "repositories": {name: _shown(keys) for name, keys in found.items()}})
    for name, keys in found.items():
        if keys.wanted:
            terminal.say(f"{name}: a rotation is under way already")
        elif keys.missing:
            terminal.say(f"{name}: nothing would be rotated until {', '.join(keys.missing)} has the keys")
        else:
            terminal.say(f"{name}: the staged key would be used at once; every site has it")
        terminal.say(f"  generation {keys.generation} would be followed by {keys.generation + 1}")
    terminal.say(UNCHANGED)
    return 0


def _fleet_keys(hub: HttpKeys, only: str | None) -> dict[str, FleetKeys]:
    held = hub.held_keys().repositories
    found = {name: entry.fleet for name, entry in held.items() if entry.fleet is not None}
    if only is not None:
        if only not in found:
            known = ", ".join(found) or "none"
            raise ConfigError(f"{hub.name} has no key repository {only[:40]!r}", hint=f"it has: {known}")
        found = {only: found[only]}
    return found


def _public(hub: HttpKeys) -> PublicFleet | None:
    held = hub.held_keys().public
    return held.fleet if held is not None else None


def _public_only(args: Arguments, terminal: Terminal, hub: HttpKeys) -> int:
    if args.action == "rotate":
        raise ConfigError(
            "each site has a JWS key of its own", hint="see docs/how-to/rotate-keys.md, JWS tokens"
        )
    public = _public(hub)
    if public is None:
        raise ConfigError(f"{hub.name} issues no JWS tokens", hint="leave --repository out")
    terminal.data({"hub": hub.name, "repositories": {}, "public": _shown_public(public)})
    _print_public(terminal, public)
    return 1 if public.missing else 0


def _wait(hub: HttpKeys, before: Mapping[str, FleetKeys], args: Arguments) -> dict[str, FleetKeys]:
    """Until each repository is of a later generation that every site has, or the time is over."""
    end = time.monotonic() + args.wait
    while True:
        found = _fleet_keys(hub, args.repository)
        done = all(
            not keys.wanted and not keys.missing and keys.promoted_at > before[name].promoted_at
            for name, keys in found.items()
        )
        if done or time.monotonic() >= end:
            return found
        time.sleep(LOOK)


def _shown(keys: FleetKeys) -> dict[str, Any]:
    return {
        "generation": keys.generation,
        "keys": len(keys.known),
        "retired": dict(keys.retired),
        "rotation_wanted": keys.wanted,
        "promoted_at": keys.promoted_at,
        "confirmed": dict(keys.confirmed),
        "missing": list(keys.missing),
        "limited": list(keys.limited),
    }


def _print(terminal: Terminal, found: Mapping[str, FleetKeys]) -> None:
    for name, keys in found.items():
        since = f"since {moment(keys.promoted_at)}" if keys.promoted_at else "not rotated by this hub yet"
        terminal.say(
            f"{name}: generation {keys.generation}, {len(keys.known)} keys, the one in use {since}"
            + (", rotation under way" if keys.wanted else "")
        )
        rows = [
            [site, moment(keys.confirmed[site]) if site in keys.confirmed else "does not have them yet"]
            for site in keys.sites
        ]
        rows += [[site, "has keys of its own: its delegation is limited"] for site in keys.limited]
        terminal.table(f"Sites with the present {name}", ["site", "seen"], rows)
        if keys.missing:
            terminal.say_error(f"{name}: nothing is rotated until {', '.join(keys.missing)} has the keys")


def _shown_public(keys: PublicFleet) -> dict[str, Any]:
    return {
        "keys": {print_: dict(owners) for print_, owners in keys.owners.items()},
        "confirmed": dict(keys.confirmed),
        "missing": list(keys.missing),
    }


def _print_public(terminal: Terminal, keys: PublicFleet) -> None:
    rows = []
    for print_, owners in sorted(keys.owners.items()):
        for site, since in sorted(owners.items()):
            state = "in use" if since is None else f"not any more since {moment(since)}"
            rows.append([print_, site or "(not known yet)", state])
    terminal.table("Public keys of JWS tokens", ["key", "site", "state"], rows)
    if keys.missing:
        terminal.say_error(f"{JWS}: {', '.join(keys.missing)} does not have just these yet")
