"""Bring in a Keystone that already has data: give its records the ids that the hub has for the same things.

Run it at the site's own host, before the site joins. Without --apply it only compares and shows the plan.
Roles, the catalog, policies and implied roles are re-keyed by --apply alone; users, projects, groups and
domains only with --rekey, because other services have stored their ids: the map old -> new is written for
them. It can be interrupted and run again at any time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _access, _keystone
from keystone_viaduct.cli._keystone import KeystoneSettings
from keystone_viaduct.cli._options import ACCESS, KEYSTONE, Arguments, argument, flag, option
from keystone_viaduct.cli._terminal import Terminal, inert
from keystone_viaduct.cli._travel import Probe, tell
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import ConfigError

if TYPE_CHECKING:
    from keystone_viaduct.cli._site import Database
    from keystone_viaduct.sync.adopt import AdoptResult, Choices, Inventory, Overrides, Plan, Settled
    from keystone_viaduct.sync.adopt.run import Progress
    from keystone_viaduct.sync.model import Ref

HELP = "give this site's records the hub's ids, before it joins"
SECTION = "site"
EXAMPLES = (
    "viaduct adopt west --hub-cloud east-cloud --hub east",
    "viaduct adopt west --hub-cloud east-cloud --hub east --access both,newest,hub --apply",
)
EXIT_CODES = {3: "somebody's access would change, and nobody has chosen how; nothing was changed"}
ERROR_EXIT_CODE = 2


PARAMS = (
    argument("site", metavar="SITE", help="this site's name"),
    *KEYSTONE,
    flag("--plan", help="show what would be done (the default)"),
    flag("--apply", help="do it"),
    option(
        "--export", type=Path, metavar="FILE", help="write this site's inventory, with digests for secrets"
    ),
    option("--moves", type=Path, metavar="FILE", help="make the moves of a file written by --apply"),
    option("--hub-config", metavar="FILE", help="the hub's keystone.conf: its database is read"),
    option("--hub-inventory", type=Path, metavar="FILE", help="made by --export at the hub's host"),
    option("--hub-cloud", metavar="NAME", help="the hub in clouds.yaml: its OS-SYNC API is read"),
    option("--hub", default="hub", metavar="NAME", help="the hub's name, with --hub-config and --hub-cloud"),
    flag("--rekey", help="re-key users, projects, groups and domains too"),
    option(
        "--prefer",
        metavar="KIND/KEY=CHOICE",
        help="whose id stays: hub, here; or apart for different things of one name; may be repeated",
        many=True,
    ),
    option("--overrides", type=Path, metavar="FILE", help="the same as YAML: KIND/KEY: CHOICE"),
    *ACCESS,
    option(
        "--agent",
        metavar="USER",
        help="the account by which the agent logs in, at either site; may be repeated (admin)",
        many=True,
    ),
    flag("--folds", help="some site's database folds case (MySQL, MariaDB)"),
    option("--json", "json_file", metavar="FILE", help="write the plan as JSON ('-': print it)"),
    option("--ids", type=Path, metavar="FILE", help="map old -> new (viaduct-adopt-SITE.ids.json)"),
    option(
        "--journal", type=Path, metavar="FILE", help="of an unfinished run (viaduct-adopt-SITE.journal.json)"
    ),
)
EXCLUSIVE = (
    ("plan", "apply", "export", "moves"),
    ("hub_config", "hub_inventory", "hub_cloud"),
)


def run(args: Arguments, terminal: Terminal) -> int:
    """One of: plan, apply, export, moves."""
    work = _Work.open(args, terminal)
    if args.export is not None:
        return work.export(args.export)
    if args.moves is not None:
        return work.make_moves(args.moves)
    return work.apply() if args.apply else work.show()


@dataclass(frozen=True)
class _Work:
    args: Arguments
    terminal: Terminal
    settings: KeystoneSettings
    database: Database

    @classmethod
    def open(cls, args: Arguments, terminal: Terminal) -> _Work:
        from keystone_viaduct.cli._site import open_database

        settings = _keystone.settings_of(args)
        return cls(args, terminal, settings, open_database(settings))

    def export(self, path: Path) -> int:
        """Write this site's inventory."""
        from keystone_viaduct.sync.adopt import save_inventory

        count = save_inventory(self._own(), path)
        self.terminal.say(f"{path}: {count} records, with digests in the place of secrets")
        return 0

    def show(self) -> int:
        """The plan."""
        from keystone_viaduct.sync.adopt.plan import plan_for

        with self._progress() as progress:
            plan = plan_for(
                self._own(),
                self._hub(),
                self._overrides(),
                rekey=self.args.rekey,
                folds=self.args.folds,
                agents=self._agents,
                progress=progress,
            )
        self._tell(plan, self._choices().settle(plan.access))
        tell(self.terminal, list(Probe(self.database.engine, self.database.codecs).find()))
        return 0

    def apply(self) -> int:
        """Make what the plan says."""
        from keystone_viaduct.sync.adopt import adopt

        ids, journal = self._file("ids", self.args.ids), self._file("journal", self.args.journal)
        with self._progress() as progress:
            result = adopt(
                self._hub(),
                self.database.engine,
                self._cipher(),
                site=self.args.site,
                rekey=self.args.rekey,
                overrides=self._overrides(),
                folds=self.args.folds,
                agents=self._agents,
                agree=self._agree,
                journal=journal,
                aliases=ids,
                renumber=self._renumber,
                progress=progress,
            )
        self._tell_done(result, ids)
        return 0

    def make_moves(self, path: Path) -> int:
        """At the hub: what another site's run asked for."""
        from keystone_viaduct.sync.adopt.journal import read_moves, save_aliases
        from keystone_viaduct.sync.adopt.run import apply_moves, refuse_if_joined

        moves = read_moves(path, self.args.site)
        refuse_if_joined(self.database.engine)
        with self._progress() as progress:
            apply_moves(self.database.engine, self._cipher(), moves, progress=progress)
        self._renumber()
        ids = self._file("ids", self.args.ids)
        save_aliases(ids, self.args.site, self.args.site, moves)
        self.terminal.say(f"{len(moves)} ids changed; the map for other services: {ids}")
        return 0

    @property
    def _agents(self) -> list[str]:
        return self.args.agent or ["admin"]

    def _choices(self) -> Choices:
        return _access.choices_of(self.args, self._stored())

    def _stored(self) -> Mapping[Ref, str]:
        """What an earlier run has chosen."""
        from keystone_viaduct.sync.store import schema
        from keystone_viaduct.sync.store.choices import read_choices

        with self.database.engine.connect() as connection:
            if schema.current(connection) != schema.head():
                return {}
            return read_choices(connection, self.args.site)

    def _agree(self, plan: Plan) -> None:
        """Show the plan; keep what was chosen for the first load. Raises AccessUndecided."""
        from keystone_viaduct.sync.adopt import undecided
        from keystone_viaduct.sync.adopt.choices import at_the_hubs_ids
        from keystone_viaduct.sync.store import schema
        from keystone_viaduct.sync.store.choices import write_choices

        settled = self._choices().settle(plan.access)
        self._tell(plan, settled)
        if settled.open_:
            raise undecided(self.args.site, settled, _access.CHOOSE)
        if settled.records or self._stored():
            schema.upgrade(self.database.engine)
            with self.database.engine.begin() as connection:
                chosen = at_the_hubs_ids(settled.records, plan.hub_moves)
                write_choices(connection, self.args.site, chosen)

    def _tell(self, plan: Plan, settled: Settled) -> None:
        from keystone_viaduct.sync.adopt import access_to_json, plan_to_json, plan_to_text

        found = {**plan_to_json(plan, rekey=self.args.rekey), "access": access_to_json(plan, settled)}
        if self.args.json_file == "-":
            sys.stdout.write(json.dumps(found, indent=2) + "\n")
            return
        if self.args.json_file:
            Path(self.args.json_file).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        _access.announce(self.terminal.out, plan, settled, everything=self.args.all)
        self.terminal.out.print()
        text = inert(plan_to_text(plan, rekey=self.args.rekey))
        self.terminal.out.print(text, markup=False, soft_wrap=True)

    def _tell_done(self, result: AdoptResult, ids: Path) -> None:
        from keystone_viaduct.sync.adopt.journal import save_moves

        console = self.terminal.err if self.args.json_file == "-" else self.terminal.out

        def tell(text: str) -> None:
            console.print(inert(text), markup=False, soft_wrap=True)

        count = sum(len(found) for found in result.moved.values())
        tell("")
        tell(f"{count} ids changed" + (f"; the map for other services: {ids}" if count else ""))
        if count:
            tell(
                "restart this site's Keystone, or flush its cache, so that nothing is served under an old id"
            )
        if result.plan.hub_moves:
            path = self._file("moves", None, result.plan.hub)
            save_moves(path, result.plan.hub, result.plan.hub_moves)
            tell(f"now run at the hub's host: viaduct adopt {result.plan.hub} --moves {path}")
        left = len(result.left.moves)
        if left:
            tell(f"{left} ids wait for --rekey")

    def _renumber(self) -> None:
        from keystone_viaduct.cli._renumbering import is_initialised, renumber

        if is_initialised(self.database):
            renumber(self.database, self.settings, SystemClock().now(), lambda _advance, _note: None)

    def _own(self) -> Inventory:
        from keystone_viaduct.sync.adopt import DatabaseInventory

        return DatabaseInventory(self.args.site, self.database.engine, self._cipher())

    def _hub(self) -> Inventory:
        from keystone_viaduct.documents.cipher import KeyRepositoryCipher
        from keystone_viaduct.sync.adopt import DatabaseInventory, FileInventory

        if self.args.hub_inventory is not None:
            return FileInventory(self.args.hub_inventory)
        if self.args.hub_cloud is not None:
            return self._remote(self.args.hub_cloud)
        if self.args.hub_config is None:
            raise ConfigError(
                "nothing says what the hub has",
                hint="give --hub-config FILE, or --hub-inventory FILE of 'viaduct adopt HUB --export FILE'",
            )
        settings = _keystone.read_settings([self.args.hub_config])
        engine = self._open_hub(settings).engine
        if engine.url == self.database.engine.url:
            raise ConfigError(
                "the hub's database is this site's own", hint="look at --hub-config and --config-file"
            )
        return DatabaseInventory(self.args.hub, engine, KeyRepositoryCipher(settings.credential_keys))

    def _open_hub(self, settings: KeystoneSettings) -> Database:
        from keystone_viaduct.cli._site import open_database

        try:
            return open_database(settings)
        except ConfigError as error:
            export = f"`viaduct adopt {self.args.hub} --export FILE` there and --hub-inventory FILE here"
            raise ConfigError(
                f"the hub's database: {error.message}", hint=f"{error.hint}; or use {export}"
            ) from error

    def _remote(self, cloud: str) -> Inventory:
        from keystone_viaduct.sync.adopt import FeedInventory
        from keystone_viaduct.sync.client import HttpSite, Transport, cloud_login

        site = HttpSite(self.args.hub, Transport(self.args.hub, cloud_login(cloud, name=self.args.hub)))
        try:
            with self._progress() as progress:
                return FeedInventory(site, self.args.site, folds=self.args.folds, progress=progress)
        finally:
            site.close()

    def _cipher(self) -> Any:
        from keystone_viaduct.documents.cipher import KeyRepositoryCipher

        return KeyRepositoryCipher(self.settings.credential_keys)

    def _overrides(self) -> Overrides:
        from keystone_viaduct.sync.adopt import Overrides

        return Overrides.parse(self.args.prefer, self.args.overrides)

    def _file(self, what: str, given: Path | None, site: str = "") -> Path:
        return given or Path(f"viaduct-adopt-{site or self.args.site}.{what}.json")

    @contextmanager
    def _progress(self) -> Iterator[Progress]:
        """A bar that starts over with each phase: comparing, re-keying, comparing again."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = self.terminal.err
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
            task = bar.add_task(self.args.site, total=None)
            yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)
