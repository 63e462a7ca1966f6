"""Keystone's own keystone-manage, with what Viaduct puts around the database.

Takes keystone-manage's arguments and gives its exit codes; `viaduct manage --help` is keystone-manage's help.
Its transactions run with the hooks of the engine in use and are run again when the database asks for it,
as those of `keystone_viaduct.wsgi:application` are. While `db_sync` migrates a site's database, the triggers
that capture changes are off, and so are SQLite's foreign keys.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ConfigError

HELP = "run keystone-manage with the engine's hooks and the wrapped drivers"
PROGRAM = "keystone-manage"


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything is keystone-manage's, its ``--help`` too; ``viaduct`` hands it on unread."""
    parser.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="as keystone-manage takes them")


def run(args: argparse.Namespace, _terminal: Terminal) -> int:
    """Run it. Raises ConfigError where there is no Keystone, SystemExit as Keystone does."""
    return run_unread(args.arguments)


def run_unread(arguments: Sequence[str]) -> int:
    """Run ``keystone-manage ARGUMENTS`` in this process, which can be done once; see :func:`run`."""
    try:
        import keystone.conf
        from keystone.cmd import manage
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"Keystone can't be imported: {error}",
            hint="run `viaduct` of the environment that Keystone is installed in",
        ) from error
    from keystone_viaduct import config, drivers, sql
    from keystone_viaduct.cli._aside import migrates, references_checked, triggers_aside
    from keystone_viaduct.sync import capture

    conf = keystone.conf.CONF
    sql.install(conf, migrates=migrates(arguments))
    drivers.install(conf)
    capture.hook(lambda: config.capture_setting(conf))
    # Keystone looks for files, and names its log, by what it is called.
    sys.argv = [PROGRAM, *arguments]
    with references_checked(arguments), triggers_aside(arguments):
        manage.main()
    return 0
