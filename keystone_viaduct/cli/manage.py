"""Keystone's own keystone-manage, with what Viaduct puts around the database.

Takes keystone-manage's arguments and gives its exit codes; `viaduct manage --help` is keystone-manage's help.
Its transactions run with the hooks of the engine in use and are run again when the database asks for it,
as those of `keystone_viaduct.wsgi:application` are. While `db_sync` migrates a site's database, the triggers
that capture changes are off, and so are SQLite's foreign keys. Where drivers are in Cassandra, `db_sync`
upgrades the schema of their keyspace too; where all are, no SQL database is looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import Arguments, argument
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ConfigError

HELP = "run keystone-manage with the engine's hooks and the wrapped drivers"
SECTION = "site"
EXAMPLES = (
    "viaduct manage db_sync",
    "viaduct manage --config-file /etc/keystone/keystone.conf doctor",
)
PROGRAM = "keystone-manage"
_SCHEMA = ("db_sync", "db_version")


PARAMS = (
    argument("arguments", metavar="ARGUMENT", help="as keystone-manage takes them", required=False, nargs=-1),
)


def run(args: Arguments, _terminal: Terminal) -> int:
    """Run it. Raises ConfigError where there is no Keystone, SystemExit as Keystone does."""
    return run_unread(args.arguments)


def run_unread(arguments: Sequence[str]) -> int:
    """Run ``keystone-manage ARGUMENTS`` in this process, which can be done once; see :func:`run`."""
    try:
        import keystone.conf
        from keystone.cmd import manage
    except ModuleNotFoundError as error:
        raise _keystone.not_importable(error) from error
    from keystone_viaduct import drivers
    from keystone_viaduct.cli._aside import parse

    command, files, folders = parse(arguments)
    without_sql, code = _cassandra_first(command, arguments, files, folders)
    told = without_sql and command in _SCHEMA and not {"--help", "-h"} & {*arguments}
    if told or code:
        return code
    # Keystone looks for files, and names its log, by what it is called.
    sys.argv = [PROGRAM, *arguments]
    drivers.install(keystone.conf.CONF)
    if without_sql:
        manage.main()
    else:
        _over_sql(arguments, manage.main)
    return code


def _cassandra_first(
    command: str, arguments: Sequence[str], files: Sequence[str], folders: Sequence[str]
) -> tuple[bool, int]:
    """Do to the schema in Cassandra what is asked for; whether there is no other, and the exit code."""
    from keystone_viaduct.cli import _cassandra
    from keystone_viaduct.drivers import chosen

    try:
        conf = _cassandra.read(files, folders, {})  # keystone-manage asks the environment nothing
    except ConfigError:  # Keystone's own command says so
        return False, 0
    ours = chosen.any_in_cassandra(conf) and command in _SCHEMA
    return chosen.without_sql(conf), _cassandra.managed(conf, command, arguments) if ours else 0


def _over_sql(arguments: Sequence[str], work: Callable[[], object]) -> None:
    """Run it with what belongs around an SQL database."""
    import keystone.conf

    from keystone_viaduct import config, sql
    from keystone_viaduct.cli._aside import migrates, references_checked, triggers_aside
    from keystone_viaduct.sync import capture

    conf = keystone.conf.CONF
    sql.install(conf, migrates=migrates(arguments))
    capture.hook(lambda: config.capture_setting(conf))
    with references_checked(arguments), triggers_aside(arguments):
        work()
