"""The hub's decisions."""

from __future__ import annotations

import argparse
from typing import Any

from osc_lib.cli import format_columns
from osc_lib.command import command

from keystone_viaduct.osc.common import add_listing, explained, first, moment, paging
from keystone_viaduct.sdk.resources import Conflict

FILTERS = ("kind", "key", "site", "sort")


class ListConflict(command.Lister):  # type: ignore[misc]
    """List the hub's decisions, the latest first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--open", action="store_true", help="Only those that wait for a person")
        parser.add_argument("--kind", metavar="<kind>", help="Only about records of this kind")
        parser.add_argument("--key", metavar="<id>", help="Only about the record with this id")
        parser.add_argument("--site", metavar="<site>", help="Only what this site has lost")
        parser.add_argument("--sort", metavar="<sort>", help="Only of this sort, such as clash or refused")
        add_listing(parser, "<conflict>")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> tuple[tuple[str, ...], Any]:
        """Ask the site."""
        wanted = {name: getattr(parsed_args, name) for name in FILTERS if getattr(parsed_args, name)}
        found = self.app.client_manager.sync.conflicts(
            is_open=parsed_args.open, **wanted, **paging(parsed_args)
        )
        columns: tuple[str, ...] = ("ID", "At", "Kind", "Record", "Sort", "State")
        if parsed_args.long:
            columns += ("Key", "Site", "Fields", "Explanation")
        return columns, (_row(one)[: len(columns)] for one in first(found, parsed_args))


class ShowConflict(command.ShowOne):  # type: ignore[misc]
    """Show a decision, with what was lost"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("conflict", metavar="<conflict>", help="Its id, or how that begins")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Ask the site."""
        return _told(self.app.client_manager.sync.get_conflict(parsed_args.conflict))


class ResolveConflict(command.ShowOne):  # type: ignore[misc]
    """Keep a decision or reverse it, at the hub"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("conflict", metavar="<conflict>", help="Its id, or how that begins")
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--keep", dest="action", action="store_const", const="keep", help="Leave it so")
        how.add_argument(
            "--restore", dest="action", action="store_const", const="restore", help="Bring back what was lost"
        )
        how.add_argument(
            "--withdraw",
            dest="action",
            action="store_const",
            const="withdraw",
            help="Take back what a limited site might not make today",
        )
        parser.add_argument("--name", metavar="<name>", default="", help="With --restore: under this name")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would happen")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Ask the hub."""
        client = self.app.client_manager.sync
        chosen = parsed_args.action, parsed_args.name
        return _told(client.resolve_conflict(parsed_args.conflict, *chosen, dry_run=parsed_args.dry_run))


def _row(one: Conflict) -> tuple[Any, ...]:
    return (
        one.id,
        moment(one.at),
        one.kind,
        one.called,
        one.sort,
        one.state,
        one.key,
        one.site,
        format_columns.ListColumn(one.fields or []),
        one.explanation,
    )


def _told(one: Conflict) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    told = {
        "id": one.id,
        "at": moment(one.at),
        "kind": one.kind,
        "key": one.key,
        "name": one.name,
        "sort": one.sort,
        "state": one.state,
        "decided": one.decided,
        "explanation": one.explanation,
        "site": one.site,
        "fields": format_columns.ListColumn(one.fields or []),
        "lost": format_columns.DictColumn(one.lost or {}),
        "lost_secrets": format_columns.ListColumn(one.lost_secrets or []),
        "writes": format_columns.ListDictColumn(one.writes or []),
    }
    return tuple(told), tuple(told.values())
