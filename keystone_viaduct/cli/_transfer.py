"""What `viaduct cassandra export`, `import` and `repair` do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oslo_config import cfg

from keystone_viaduct.cli import _cassandra, _keystone
from keystone_viaduct.cli._options import Arguments
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.documents.cipher import KeyRepositoryCipher
from keystone_viaduct.errors import ConfigError

if TYPE_CHECKING:
    from keystone_viaduct.cassandra.transfer.move import Imported
    from keystone_viaduct.cassandra.transfer.ports import Store

CASSANDRA, SQL = "cassandra", "sql"
_TOKENS = (
    ("token", cfg.IntOpt("expiration", default=3600)),
    ("revoke", cfg.IntOpt("expiration_buffer", default=1800)),
    ("credential", cfg.StrOpt("key_repository", default="/etc/keystone/credential-keys/")),
)


def export(args: Arguments, terminal: Terminal) -> int:
    """Write all records of an engine into a folder. Raises TransferRefused."""
    from keystone_viaduct.cassandra.transfer import move

    folder, conf = _place(args), _read(args)
    with _store(args, conf) as store:
        manifest = move.export(store, _folder(conf, folder), terminal.say)
    kinds = {name: {"count": known.count, "digest": known.digest} for name, known in manifest.kinds.items()}
    terminal.data({"source": manifest.source, "kinds": kinds})
    rows = [(name, str(one["count"]), str(one["digest"])) for name, one in kinds.items() if one["count"]]
    terminal.table(f"Exported from {manifest.source}", ("kind", "records", "digest"), rows)
    return 0


def bring(args: Arguments, terminal: Terminal) -> int:
    """Bring all records of a folder to an engine, and compare. Raises TransferRefused."""
    from keystone_viaduct.cassandra.transfer import move

    path, conf = _place(args), _read(args)
    folder = _folder(conf, path)
    with _store(args, conf) as store:
        _warn(terminal, folds=folder.manifest().folds_names and not store.folds_names)
        result = move.put_all(store, folder, terminal.say)
        name = store.name
    return _told(terminal, name, result)


def repair(args: Arguments, terminal: Terminal) -> int:
    """Take away what clients left over that died."""
    from keystone_viaduct.cassandra.drivers.shapes import SHAPES
    from keystone_viaduct.cassandra.records.cql import CqlTables
    from keystone_viaduct.cassandra.records.repair import Repair

    with _cassandra.ladder(_read(args)) as ladder:
        ladder.check()
        found = Repair(CqlTables(ladder.session), SystemClock(), SHAPES, dry=args.dry_run).run()
    terminal.data(vars(found))
    did = "would be taken away" if args.dry_run else "taken away"
    terminal.say(f"claims: {found.claims} looked at, {found.void} {did}")
    terminal.say(f"rows of listings: {found.rows} looked at, {found.dangling} {did}")
    if found.left:
        terminal.say_error(f"{found.left} were left, for their records kept changing; run it again")
    return 1 if found.left else 0


def _told(terminal: Terminal, name: str, result: Imported) -> int:
    unequal = {kind: each for kind, each in result.compared.items() if not each.equal}
    terminal.data(
        {
            "target": name,
            "put": result.put,
            "refused": result.refused,
            "named": result.named,
            "different": {kind: vars(each) for kind, each in unequal.items()},
            "equal": result.equal,
        }
    )
    for line in result.named:
        terminal.say_error(f"refused: {line}")
    for kind, each in unequal.items():
        terminal.say_error(f"{kind}: {each.missing} missing, {each.different} different, {each.more} more")
        for line in each.named:
            terminal.say_error(line)
    total = sum(result.put.values())
    terminal.say(f"{total} records, all as in the folder" if result.equal else "not all is as in the folder")
    return 0 if result.equal else 1


def _warn(terminal: Terminal, *, folds: bool) -> None:
    if folds:
        terminal.say_error(
            "the names come from a database to which ADMIN and admin are one name, and here they are two: "
            "who logs in by another spelling than his own can't any more"
        )


def _place(args: Arguments) -> Path:
    if args.folder is None:
        raise ConfigError(f"{args.action} needs a folder", hint=f"viaduct cassandra {args.action} FOLDER")
    return Path(args.folder)


def _folder(conf: Any, path: Path) -> Any:
    from keystone_viaduct.cassandra.transfer.folder import Folder

    return Folder(path, KeyRepositoryCipher(conf.credential.key_repository))


def _read(args: Arguments) -> Any:
    return _cassandra.read(args.config_file or [], args.config_dir or [], os.environ, _TOKENS)


@contextmanager
def _store(args: Arguments, conf: Any) -> Iterator[Store]:
    """The engine that is meant."""
    if args.engine == SQL:
        yield _over_sql(args)
        return
    with _cassandra.ladder(conf) as ladder:
        ladder.check()
        yield _over_records(conf, ladder)


def _over_sql(args: Arguments) -> Store:
    from keystone_viaduct.cassandra.transfer.of_sql import SqlStore
    from keystone_viaduct.cli._site import open_database
    from keystone_viaduct.documents.codec import Codecs

    settings = _keystone.settings_of(args)
    database = open_database(settings)
    cipher = KeyRepositoryCipher(settings.credential_keys)
    codecs = Codecs(database.schema, cipher, with_local=True)
    return SqlStore(database.engine.url.render_as_string(), database.engine, codecs)


def _over_records(conf: Any, ladder: Any) -> Store:
    try:
        from keystone_viaduct.cassandra.transfer.events import Events
        from keystone_viaduct.cassandra.transfer.of_records import RecordStore
    except ModuleNotFoundError as error:
        raise _keystone.not_importable(error) from error
    from keystone_viaduct.cassandra.records import Records
    from keystone_viaduct.cassandra.records.cql import CqlTables

    settings = ladder.session.settings
    records = Records(CqlTables(ladder.session))
    lifetime = conf.token.expiration + conf.revoke.expiration_buffer
    return RecordStore(
        f"keyspace {settings.keyspace} of Cassandra at {','.join(settings.nodes)}",
        records,
        KeyRepositoryCipher(conf.credential.key_repository),
        Events(records, SystemClock(), lifetime),
    )


ACTIONS: Mapping[str, Any] = {"export": export, "import": bring, "repair": repair}
