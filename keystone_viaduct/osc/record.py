"""Single records: as they stand at a site, and whether they are the same at others."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import openstack
from openstack import exceptions as sdk
from osc_lib import exceptions
from osc_lib.cli import format_columns
from osc_lib.command import command

from keystone_viaduct.osc.common import explained, moment
from keystone_viaduct.sdk import register
from keystone_viaduct.sdk.resources import Record


class ShowRecord(command.ShowOne):  # type: ignore[misc]
    """Show a record as it stands at the site that is asked, without its secrets"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _name(parser)
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Ask the site."""
        client = self.app.client_manager.sync
        record = _found(client, parsed_args.kind, parsed_args.record)
        stamps = {field: moment(at) for field, at in (record.stamps or {}).items() if isinstance(at, int)}
        told = {
            "kind": record.kind,
            "key": record.key,
            "deleted": record.is_deleted,
            "digest": record.digest,
            "position": record.position,
            "version": format_columns.DictColumn(record.version or {}),
            "document": format_columns.DictColumn(record.document or {}),
            "secret": format_columns.ListColumn(record.secret or []),
            "changed": format_columns.DictColumn(stamps),
        }
        return tuple(told), tuple(told.values())


class TraceRecord(command.Lister):  # type: ignore[misc]
    """Show where a record is, and whether it is the same there

    The site that is asked is always told; name the others by their clouds in clouds.yaml.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _name(parser)
        parser.add_argument(
            "--with-cloud",
            metavar="<cloud>",
            action="append",
            default=[],
            help="Ask this cloud's site, too (repeat for several)",
        )
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> tuple[tuple[str, ...], Any]:
        """Ask each of the sites."""
        client = self.app.client_manager.sync
        record = _found(client, parsed_args.kind, parsed_args.record)
        rows = [_at(client, record)]
        rows += [_elsewhere(cloud, record) for cloud in parsed_args.with_cloud]
        return ("Site", "State", "Digest", "Position", "Last Changed", "Waits"), rows


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="<kind>", help="Such as user, project, role")
    parser.add_argument("record", metavar="<record>", help="Its id, or what it is called")


def _found(client: Any, kind: str, text: str) -> Record:
    """By id where there is one, else by name, which has to be just one's."""
    try:
        found: Record = client.get_record(kind, text)
        return found
    except sdk.NotFoundException:
        named = list(client.records(text, kind))
        if not named:
            raise
    if len(named) > 1:
        ids = ", ".join(one.key for one in named)
        raise exceptions.CommandError(f"several records are called {text}: {ids}\nhint: name one by its id")
    by_name: Record = client.get_record(kind, named[0].key)
    return by_name


def _elsewhere(cloud: str, record: Record) -> tuple[Any, ...]:
    try:
        return _at(register(openstack.connect(cloud=cloud)).sync, record)
    except (sdk.SDKException, OSError) as error:
        return (cloud, "no answer", None, None, None, " ".join(str(error).split()))


def _at(client: Any, record: Record) -> tuple[Any, ...]:
    site = client.get_capabilities().site
    waits = ", ".join(_waits(client, record)) or None
    try:
        found = client.get_record(record.kind, record.key)
    except sdk.NotFoundException:
        return (site, "unknown", None, None, None, waits)
    times = [at for at in (found.stamps or {}).values() if isinstance(at, int)]
    state = "deleted" if found.is_deleted else "there"
    return (site, state, found.digest, found.position, moment(max(times, default=0)), waits)


def _waits(client: Any, record: Record) -> Iterator[str]:
    for one in client.waiting(kind=record.kind, limit=500):
        if one.key == record.key:
            yield f"{one.state} ({one.reason})"
