"""Who has changed the fleet's settings."""

from __future__ import annotations

import argparse
import json
from typing import Any

from osc_lib.command import command

from keystone_viaduct.osc.common import add_listing, explained, first, moment, paging


class ListAudit(command.Lister):  # type: ignore[misc]
    """List who has changed the fleet's settings at the site that is asked, the latest first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        add_listing(parser, "<change>")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> tuple[tuple[str, ...], Any]:
        """Ask the site."""
        found = self.app.client_manager.sync.audit(**paging(parsed_args))
        columns: tuple[str, ...] = ("ID", "At", "Action", "Target", "Actor", "Address")
        if parsed_args.long:
            columns += ("Old", "New")
        rows = (
            (
                one.id,
                moment(one.at),
                one.action,
                one.target,
                one.actor,
                one.address,
                json.dumps(one.old, sort_keys=True),
                json.dumps(one.new, sort_keys=True),
            )[: len(columns)]
            for one in first(found, parsed_args)
        )
        return columns, rows
