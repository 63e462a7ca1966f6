"""The keys of tokens of the fleet."""

from __future__ import annotations

import argparse
from typing import Any

from osc_lib.cli import format_columns
from osc_lib.command import command

from keystone_viaduct.osc.common import add_long, explained, moment
from keystone_viaduct.sdk.resources import KeyRepository


class ShowKey(command.Lister):  # type: ignore[misc]
    """Show the keys of tokens: how far they are, and which sites lack them"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _which(parser)
        add_long(parser)
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> tuple[tuple[str, ...], Any]:
        """Ask the site."""
        found = _chosen(self.app.client_manager.sync, parsed_args)
        return _columns(long=parsed_args.long), [_row(one, long=parsed_args.long) for one in found]


class RotateKey(command.Lister):  # type: ignore[misc]
    """Have the keys of tokens rotated as soon as every site is ready, at the hub"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _which(parser)
        parser.add_argument("--dry-run", action="store_true", help="Only show what would be rotated")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> tuple[tuple[str, ...], Any]:
        """Ask the hub."""
        client = self.app.client_manager.sync
        found = _chosen(client, parsed_args)
        if not parsed_args.dry_run:
            for one in found:
                client.rotate_keys(one.name)
            found = _chosen(client, parsed_args)
        return _columns(), [_row(one) for one in found]


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "repository", metavar="<repository>", nargs="?", help="Only this one: tokens or receipts"
    )


def _chosen(client: Any, parsed: argparse.Namespace) -> list[KeyRepository]:
    if parsed.repository:
        return [client.get_key_repository(parsed.repository)]
    found: list[KeyRepository] = client.key_repositories()
    return found


def _columns(*, long: bool = False) -> tuple[str, ...]:
    columns = ("Repository", "Generation", "Keys", "Rotated At", "Rotating", "Missing At")
    return (*columns, "Primary", "Staged", "Confirmed") if long else columns


def _row(one: KeyRepository, *, long: bool = False) -> tuple[Any, ...]:
    keys = len(one.others or ()) + bool(one.staged) + bool(one.primary)
    row = (
        one.name,
        one.generation,
        keys,
        moment(one.promoted_at),
        one.is_rotating,
        format_columns.ListColumn(one.missing or []),
    )
    confirmed = {site: moment(at) for site, at in (one.confirmed or {}).items()}
    return (*row, one.primary, one.staged, format_columns.DictColumn(confirmed)) if long else row
