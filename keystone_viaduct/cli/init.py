"""Prepare a Keystone's database to take part in a fleet.

Creates or upgrades our tables, makes the site's keys (and at the hub the fleet's secret), installs the
triggers and marks what is there already. Safe to repeat; with --dry-run it only says what it would do.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._keystone import KeystoneSettings
from keystone_viaduct.cli._naming import check_names
from keystone_viaduct.cli._options import DRY_RUN, KEYSTONE, OUTPUT, Arguments, flag, option
from keystone_viaduct.cli._orphans import MEANING, OrphanKeeper
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.cli._travel import Probe, tell
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.documents.orphans import Orphans
from keystone_viaduct.errors import ConfigError

HELP = "prepare this site's database"
SECTION = "site"
EXAMPLES = (
    "viaduct init --site west --hub east --dry-run",
    "viaduct init --site west --hub east",
)
ERROR_EXIT_CODE = 2


PARAMS = (
    option("--site", required=True, metavar="NAME", help="this site's name, usually its region's"),
    option("--hub", required=True, metavar="NAME", help="the name of the site that decides conflicts"),
    option(
        "--config",
        type=Path,
        metavar="FILE",
        help="the fleet, which must know both names (default: viaduct.yaml, if it is here)",
    ),
    flag(
        "--remove-orphans",
        help="write rows that need another which is not there to a file in this folder, then remove them",
    ),
    option(
        "--keystone-user",
        metavar="USER",
        help="whom the keys shall belong to (default: whom Keystone's credential keys belong to)",
    ),
    DRY_RUN,
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Check everything that can be checked, then act."""
    from keystone_viaduct.cli._preparing import Preparation

    settings = _keystone.settings_of(args)
    note = check_names(args.site, args.hub, args.config)
    owner = _owner(args.keystone_user, settings)
    preparation = Preparation.check(settings, args.site, args.hub)
    orphans = OrphanKeeper(preparation.database, settings)
    found, removed = orphans.count(), None
    if args.dry_run:
        report = preparation.preview()
    else:
        if args.remove_orphans and orphans.removable(found):
            removed = orphans.remove(Path.cwd(), args.site, SystemClock().now())
            terminal.say(f"orphans: {removed.count} rows written to {removed.file} (mode 0600) and removed")
            found = orphans.count()
        with terminal.progress("marking", len(preparation.kinds)) as step:
            report = preparation.perform(SystemClock().now(), step, owner)
    if removed is not None:
        report["orphans_file"] = str(removed.file)
    report["orphans"] = {f"{item.link.table}/{item.link.target}": item.count for item in found}
    stuck = list(Probe(preparation.database.engine, preparation.database.codecs).find())
    report["stuck"] = [str(item) for item in stuck]
    old = preparation.existing
    if old is not None and (old.site, old.hub) != (args.site, args.hub):
        report["corrected"] = {"site": old.site, "hub": old.hub}
    _show(terminal, Result(args.site, args.hub, args.dry_run, settings, report), note)
    _tell(terminal, orphans, found)
    tell(terminal, stuck)
    return 0


def _owner(name: str | None, settings: KeystoneSettings) -> tuple[int, int] | None:
    """User and group for new keys, None for whoever runs this. Raises ConfigError."""
    if name is None:
        if not settings.credential_keys.is_dir():
            return None
        found = settings.credential_keys.stat()
        return found.st_uid, found.st_gid
    try:
        user = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigError(f"there is no user {name[:64]}", hint="name the one that runs Keystone") from error
    if os.geteuid() not in (0, user.pw_uid):
        raise ConfigError(
            f"only root can give keys to {name[:64]}", hint=f"run it as root, or as {name[:64]}"
        )
    return user.pw_uid, user.pw_gid


def _tell(terminal: Terminal, keeper: OrphanKeeper, found: Sequence[Orphans]) -> None:
    """What is there, what it means, and what to do; nothing of it keeps a site from being prepared."""
    if not found:
        return
    terminal.say(f"orphans: {sum(item.count for item in found)} rows")
    for item in found:
        terminal.say(f"  {item}")
    terminal.say(f"{MEANING}.")
    if keeper.removable(found):
        terminal.say(
            "Run it with --remove-orphans to write them to a file and remove them; or go on as it is."
        )
    else:
        terminal.say("They are records of this site by now: the hub's sweep deletes and lists them.")


@dataclass(frozen=True)
class Result:
    """What was done, or would be."""

    site: str
    hub: str
    dry_run: bool
    settings: KeystoneSettings
    report: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"site": self.site, "hub": self.hub, "dry_run": self.dry_run, **self.report}


def _show(terminal: Terminal, result: Result, note: str) -> None:
    terminal.data(result.as_dict())
    report = result.report
    would = "would be " if result.dry_run else ""
    role = "the hub" if result.site == result.hub else f"a spoke of {result.hub}"
    terminal.say(f"site {result.site}, {role}")
    if "corrected" in report:
        old = report["corrected"]
        terminal.say(f"names: {would}corrected, they were site {old['site']} of hub {old['hub']}")
    if note:
        terminal.say(f"note: {note}")
    terminal.say(f"tables: {would if report['tables'] != 'current' else ''}{report['tables']}")
    keys = ", ".join(report["keys"])
    terminal.say(f"keys in {result.settings.viaduct_keys}: {f'{would}made ({keys})' if keys else 'present'}")
    actions = ", ".join(f"{number} {would}{verb}" for verb, number in report["triggers"].items() if number)
    terminal.say(f"triggers: {actions or 'all installed'}")
    terminal.say(f"records: {sum(report['marked'].values())} {would}marked to be numbered")
    if report.get("public_key"):
        terminal.say(f"public key: {report['public_key']}")
