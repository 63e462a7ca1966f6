"""Single records: as they stand at a site, and whether they are the same at others."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
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


class SetRecord(command.ShowOne):  # type: ignore[misc]
    """Change fields of a record at the site that is asked, as an edit of that site

    A value is JSON, or else the text as it stands.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _fields(parser, "<field=value>", "Give a field this value", _assignment)
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Ask the site."""
        return _edit(self.app.client_manager.sync, parsed_args, dict(parsed_args.property), [])


class UnsetRecord(command.ShowOne):  # type: ignore[misc]
    """Take fields of a record away at the site that is asked, as an edit of that site"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _fields(parser, "<field>", "Take this field away", str)
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Ask the site."""
        return _edit(self.app.client_manager.sync, parsed_args, {}, parsed_args.property)


class DeleteRecord(command.ShowOne):  # type: ignore[misc]
    """Delete a record that no other needs at the site that is asked, as an edit of that site"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Its arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _name(parser)
        parser.add_argument("--dry-run", action="store_true", help="Only say whether it would be deleted")
        return parser

    @explained
    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Ask the site."""
        client = self.app.client_manager.sync
        record = _living(client, parsed_args)
        client.delete_record(record, dry_run=parsed_args.dry_run)
        return ("kind", "key", "deleted"), (record.kind, record.key, not parsed_args.dry_run)


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


def _fields(parser: argparse.ArgumentParser, form: str, does: str, read: Callable[[str], Any]) -> None:
    """A record, and what an edit does to fields of it."""
    _name(parser)
    parser.add_argument(
        "--property",
        metavar=form,
        action="append",
        default=[],
        type=read,
        help=f"{does} (repeat for several)",
    )
    parser.add_argument("--dry-run", action="store_true", help="Only say what would be changed")


def _assignment(text: str) -> tuple[str, Any]:
    """``field=value``."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text} gives no value: <field=value>")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _living(client: Any, parsed: argparse.Namespace) -> Record:
    record = _found(client, parsed.kind, parsed.record)
    if record.is_deleted:
        raise exceptions.CommandError(f"{record.kind}/{record.key} was deleted")
    return record


def _edit(client: Any, parsed: argparse.Namespace, given: dict[str, Any], taken: list[str]) -> Any:
    record = _living(client, parsed)
    known = {*(record.document or {}), *(record.raw or {})}
    if not given and not taken:
        raise exceptions.CommandError("no field is named\nhint: --property")
    if secret := {*given, *taken} & {*(record.secret or ())}:
        raise exceptions.CommandError(f"{min(secret)} is secret\nhint: change it by Keystone's own API")
    if missing := set(taken) - known:
        raise exceptions.CommandError(f"{record.kind}/{record.key} has no field {min(missing)}")
    client.edit_record(record, given, taken, dry_run=parsed.dry_run)
    named = ("kind", "key", "changed", "set", "unset")
    return named, (
        record.kind,
        record.key,
        not parsed.dry_run,
        format_columns.ListColumn(sorted(given)),
        format_columns.ListColumn(sorted(taken)),
    )


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
