"""What commands need of Cassandra: its part of the configuration, and a session by that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from oslo_config import cfg

from keystone_viaduct.cli import _keystone
from keystone_viaduct.drivers.chosen import GROUPS
from keystone_viaduct.errors import NotInitialised

if TYPE_CHECKING:
    from keystone_viaduct.cassandra.schema.ladder import Ladder

OUTDATED = 2
"""As ``keystone-manage db_sync --check`` has it."""
INIT = "make it by `viaduct cassandra init`"


def read(
    files: Sequence[str],
    folders: Sequence[str],
    env: Mapping[str, str],
    more: Sequence[tuple[str, cfg.Opt]] = (),
) -> Any:
    """Keystone's configuration, as far as this part goes, and ``more`` (group and option). Raises
    ConfigError.
    """
    from keystone_viaduct.cassandra import settings

    conf = cfg.ConfigOpts()
    for group in GROUPS:
        conf.register_opt(cfg.StrOpt("driver", default=None if group == "role" else "sql"), group=group)
    settings.register(conf)
    for group, option in more:
        conf.register_opt(option, group=group)
    _keystone.parse(conf, files, folders, env)
    return conf


@contextmanager
def ladder(conf: Any) -> Iterator[Ladder]:
    """The schema of the configured keyspace, over a session that ends with it."""
    from keystone_viaduct.cassandra import settings
    from keystone_viaduct.cassandra.schema.ladder import Ladder
    from keystone_viaduct.cassandra.session import Session

    session = Session(settings.settings(conf))
    try:
        yield Ladder(session)
    finally:
        session.close()


def upgrade(of: Ladder) -> list[str]:
    """Take the steps that are missing, and make the root of all domains; what was done."""
    try:
        done = of.upgrade()
    except NotInitialised as error:
        raise NotInitialised(error.message, hint=INIT) from error
    root, records = _root()
    if root.make(records(of)):
        done.append("the hidden root of all domains")
    return done


def has_root(of: Ladder) -> bool:
    """Whether the root of all domains is there."""
    root, records = _root()
    return bool(root.is_there(records(of)))


def _root() -> tuple[Any, Any]:
    try:
        from keystone_viaduct.cassandra.drivers import root
    except ModuleNotFoundError as error:
        raise _keystone.not_importable(error) from error
    from keystone_viaduct.cassandra.records import Records
    from keystone_viaduct.cassandra.records.cql import CqlTables

    return root, lambda of: Records(CqlTables(of.session))


def managed(conf: Any, command: str, arguments: Sequence[str]) -> int:
    """What ``keystone-manage db_sync`` or ``db_version`` does to this schema; the exit code.

    A step of the schema adds and takes nothing away: so it is all done by ``--expand``.
    """
    if {"--help", "-h", "--migrate", "--contract"} & {*arguments}:
        return 0
    with ladder(conf) as of:
        if command == "db_sync" and "--check" not in arguments:
            for each in upgrade(of):
                print(f"made in Cassandra: {each}")
            return 0
        state = of.state()
    print(f"Cassandra: version {state['schema']} of {state['newest']}")
    return OUTDATED if command == "db_sync" and state["schema"] != state["newest"] else 0
