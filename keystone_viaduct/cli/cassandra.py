"""Keystone's data in Cassandra: make the keyspace, bring its schema up to date, look at both, move data.

`init` makes the keyspace, with so many copies in each data centre as `--replicas` says, its tables, and what
else a Keystone needs before it is bootstrapped. `upgrade` takes the steps of the schema that this release has
and the keyspace has not; Keystones may serve meanwhile. `status` changes nothing. `export` writes all
records into a folder, `import` brings those of a folder here and compares; with `--engine sql` both speak
of Keystone's SQL database. `repair` takes away what clients left over that died. All may be repeated, and
go on where they stopped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _cassandra, _transfer
from keystone_viaduct.cli._options import DRY_RUN, KEYSTONE, OUTPUT, Arguments, argument, option
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ConfigError, NotInitialised, ViaductError

if TYPE_CHECKING:
    from keystone_viaduct.cassandra.schema.ladder import Ladder

HELP = "Keystone's data in Cassandra: make the keyspace, upgrade its schema, look at it, move data"
SECTION = "storage"
EXAMPLES = (
    "viaduct cassandra init --replicas dc1=3",
    "viaduct cassandra status",
    "viaduct cassandra export ./records --engine sql",
)
ERROR_EXIT_CODE = 2
SAFE = 3
"""Copies in a data centre that go on when one node is lost."""


PARAMS = (
    argument(
        "action",
        choices=["init", "upgrade", "status", *_transfer.ACTIONS],
        help="init: the keyspace and its tables; upgrade: the steps of the schema that it has not; status; "
        "export FOLDER, import FOLDER: all records, compared by digest; repair: what dead clients left",
    ),
    argument("folder", required=False, metavar="FOLDER", help="of an export; of an import"),
    option(
        "--replicas",
        metavar="DATACENTER=COUNT",
        help="init: copies of the data in a data centre; once for each that is to hold some",
        many=True,
    ),
    option(
        "--engine",
        choices=[_transfer.CASSANDRA, _transfer.SQL],
        default=_transfer.CASSANDRA,
        help="export, import: of what; sql: the database of [database] connection",
    ),
    DRY_RUN,
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Do it. Raises ConfigError, StoreError and what comes of it, TransferRefused."""
    wanted = parse_replicas(args.replicas or [])
    if wanted and args.action != "init":
        raise ConfigError("--replicas is for init", hint="leave it out; ALTER KEYSPACE changes them later")
    if args.folder is not None and args.action not in ("export", "import"):
        raise ConfigError(f"{args.action} takes no folder", hint="leave it out")
    if args.action in _transfer.ACTIONS:
        return int(_transfer.ACTIONS[args.action](args, terminal))
    with _cassandra.ladder(
        _cassandra.read(args.config_file or [], args.config_dir or [], os.environ)
    ) as ladder:
        if args.action == "status":
            return show(terminal, look(ladder))
        if args.action == "init":
            make(ladder, wanted, terminal)
        done = _cassandra.upgrade(ladder)
    for each in done:
        terminal.say(f"made: {each}")
    if not done:
        terminal.say("nothing was missing")
    terminal.data({"made": done})
    return 0


def parse_replicas(texts: list[str]) -> dict[str, int]:
    """Data centre to copies. Raises ConfigError."""
    found: dict[str, int] = {}
    for text in texts:
        name, equals, count = text.partition("=")
        if not (name and equals and count.isascii() and count.isdigit() and int(count) > 0) or name in found:
            raise ConfigError(
                f"--replicas {text} says nothing", hint="each data centre once, like --replicas dc1=3"
            )
        found[name] = int(count)
    return found


def make(ladder: Ladder, wanted: Mapping[str, int], terminal: Terminal) -> None:
    """Make the keyspace; one that is there has to have the copies that are asked for, if any are."""
    keyspace, nodes = ladder.keyspace, ladder.session.nodes()
    try:
        held = ladder.replicas()
    except NotInitialised:
        held = {}
    if held and wanted not in ({}, held):
        raise ConfigError(
            f"keyspace {keyspace} is there, with the copies {_said(held)}",
            hint="leave --replicas out; to change them: ALTER KEYSPACE, `nodetool repair`, and with another "
            "number of data centres stop every Keystone and run `viaduct cassandra upgrade`",
        )
    if not held and not wanted:
        raise ConfigError(
            f"keyspace {keyspace} is not there, and nobody has said how many copies it is to have",
            hint=f"--replicas DATACENTER=COUNT, once or more; nodes that there are: {_said(nodes)}",
        )
    for name, count in wanted.items():
        if name in nodes and count > nodes[name]:
            raise ConfigError(
                f"data centre {name} has {nodes[name]} nodes, which can't hold {count} copies",
                hint="ask for fewer, or add nodes first",
            )
    if not held:
        ladder.create(wanted)
        terminal.say(f"made: keyspace {keyspace}, copies {_said(wanted)}")
    if max((wanted or held).values()) < SAFE:
        terminal.say_error(f"no data centre has {SAFE} copies: one node that is lost stops every Keystone")


def look(ladder: Ladder) -> dict[str, Any]:
    """What there is and what is wrong with it."""
    found: dict[str, Any] = {"keyspace": ladder.keyspace, "nodes": ladder.session.nodes(), "problems": []}
    try:
        found["replicas"] = ladder.replicas()
        found |= ladder.state()
        ladder.check()
        found["root"] = _cassandra.has_root(ladder)
        if not found["root"]:
            raise NotInitialised("the hidden root of all domains is missing", hint=_cassandra.INIT)
    except ViaductError as error:
        found["problems"].append({"code": error.code, "message": error.message, "hint": error.hint})
    return found


def show(terminal: Terminal, found: Mapping[str, Any]) -> int:
    """Print that; 1 where something is wrong."""
    terminal.data(found)
    rows = [
        ("keyspace", found["keyspace"]),
        ("nodes", _said(found["nodes"])),
        ("copies", _said(found.get("replicas", {}))),
        ("schema", f"{found.get('schema', 0)} of {found.get('newest', '?')}"),
        ("serial level", found.get("serial") or "none"),
        ("Paxos", _said(found.get("paxos", {}))),
    ]
    terminal.table("Cassandra", ("what", "is"), rows)
    for problem in found["problems"]:
        terminal.say_error(f"{problem['message']}; {problem['hint']}")
    return 1 if found["problems"] else 0


def _said(each: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(each.items())) or "none"
