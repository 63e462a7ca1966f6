"""Sites, and the state of the one that is asked."""

from __future__ import annotations

import argparse
from typing import Any

from osc_lib.cli import format_columns
from osc_lib.command import command

from keystone_viaduct.osc.common import add_listing, explained, first, moment
from keystone_viaduct.sdk.resources import Site

Shown = tuple[tuple[str, ...], tuple[Any, ...]]


class ListSite(command.Lister):  # type: ignore[misc]
    """List the sites of the fleet, as the one that is asked knows them"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        add_listing(parser, "<site>")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> tuple[tuple[str, ...], Any]:
        """Ask the site."""
        client = self.app.client_manager.sync
        found = first(client.sites(limit=parsed_args.limit, marker=parsed_args.marker), parsed_args)
        columns: tuple[str, ...] = ("Site", "Role", "Live", "Heard", "Acknowledged")
        if parsed_args.long:
            columns += ("Incarnation", "Fingerprint", "Kinds")
        return columns, (_row(site)[: len(columns)] for site in found)


class ShowSite(command.ShowOne):  # type: ignore[misc]
    """Show what is known of a site"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("site", metavar="<site>", help="Name of the site")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Ask the site."""
        site = self.app.client_manager.sync.get_site(parsed_args.site)
        names = ("site", "role", "live", "heard", "acknowledged", "incarnation", "fingerprint", "kinds")
        return (*names, "signing_key", "is_here"), (*_row(site), site.signing_key, bool(site.is_here))


class RetireSite(command.ShowOne):  # type: ignore[misc]
    """Have the hub forget a site that is gone for good"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("site", metavar="<site>", help="Name of the site")
        parser.add_argument(
            "--force", action="store_true", help="Although it was heard less than an hour ago"
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say what would happen")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Ask the hub."""
        client = self.app.client_manager.sync
        how = {"force": parsed_args.force, "dry_run": parsed_args.dry_run}
        told = client.retire_site(parsed_args.site, **how)
        columns = ("site", "heard", "waiting", "lost")
        return columns, (told["site"], moment(told["heard"]), told["waiting"], told["lost"])


class ShowStatus(command.ShowOne):  # type: ignore[misc]
    """Show the state of the site that is asked: its hub, what waits, which agent is at work"""

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Ask the site."""
        client = self.app.client_manager.sync
        here, hub, lease = client.get_capabilities(), client.get_hub(), client.get_lease()
        counts = client.waiting_counts()
        told = {
            "site": here.site,
            "hub": hub.hub,
            "term": hub.term,
            "keystone": here.release,
            "viaduct": here.product,
            "joined": here.has_secret,
            "position": here.head[1],
            "hub_position": None if hub.hub == here.site else hub.position,
            "waiting": format_columns.DictColumn(counts),
            "open_conflicts": _open(client),
            "agent": lease.holder or None,
            "agent_until": moment(lease.until),
            "could_be_hub": not hub.obstacle,
            "obstacle": hub.obstacle or None,
        }
        return tuple(told), tuple(told.values())


def _open(client: Any, most: int = 1000) -> str:
    """How many conflicts wait for a person, counted to a bound."""
    number = sum(1 for _ in zip(range(most), client.conflicts(is_open=True, limit=most), strict=False))
    return f"{number}" if number < most else f"{most} or more"


def _row(site: Site) -> tuple[Any, ...]:
    return (
        site.name,
        "hub" if site.is_hub else "spoke",
        site.is_live,
        moment(site.heard),
        site.acknowledged,
        site.incarnation,
        site.fingerprint,
        len(site.capabilities or ()),
    )
