"""Bytes that Viaduct keeps in a site's database for each record, by kind.

One command: ``python benchmarks/size.py``. It makes a Keystone's database on SQLite, fills it with records of
a few kinds, prepares it by ``viaduct init``, numbers everything, and compares the pages of the tables and
indexes that begin with ``viaduct_`` with those of a database of half as many records.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parent.parent
# without this folder: its file requests.py would hide the library
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from keystone_viaduct.cli.main import main as viaduct  # noqa: E402
from keystone_viaduct.clock import SystemClock  # noqa: E402
from keystone_viaduct.documents.codec import Codecs  # noqa: E402
from keystone_viaduct.documents.schema import reflect  # noqa: E402
from keystone_viaduct.sync.sealing import KeyRing  # noqa: E402
from keystone_viaduct.sync.site.sequencer import sequence  # noqa: E402
from keystone_viaduct.sync.store import SqlStore, make_engine  # noqa: E402
from tests.support.databases import Databases  # noqa: E402
from tests.support.servers import Servers, new_run_folder  # noqa: E402
from tests.support.sites import HexCipher  # noqa: E402
from tests.unit.documents.world import one  # noqa: E402

#: Kind -> the fields that tell its records apart.
KINDS = {"user": ("id", "local.name"), "project": ("id", "name"), "region": ("id",)}


def fill(url: str, kind: str, number: int) -> None:
    """So many records of a kind, each like the one of the tests."""
    engine = sa.create_engine(url)
    codecs = Codecs(reflect(engine), HexCipher())
    _, model = one(kind)
    model = {name: value for name, value in model.items() if not name.startswith(("federated", "nonlocal"))}
    items = []
    for place in range(number):
        document = copy.deepcopy(model)
        name = f"{place:032x}"
        document.update({field: name for field in KINDS[kind] if field in document})
        items.append((name, document))
    with engine.begin() as connection:
        codecs.insert_many(connection, kind, items)
    engine.dispose()


def prepare(url: str, folder: Path) -> None:
    """``viaduct init``, and all numbered."""
    folder.mkdir()
    config = folder / "keystone.conf"
    config.write_text(f"[database]\nconnection = {url}\n[viaduct]\nkey_repository = {folder / 'keys'}\n")
    with contextlib.redirect_stdout(io.StringIO()):
        assert viaduct(["init", "--site", "east", "--hub", "east", "--config-file", str(config)]) == 0
    engine = make_engine(url)
    store = SqlStore(engine, KeyRing.load(folder / "keys"), Codecs(reflect(engine), HexCipher()))
    store.run(lambda tx: sequence(tx, tx.state(), SystemClock().now(), batch=1_000_000))
    engine.dispose()


def taken(url: str) -> tuple[int, int]:
    """Bytes of Viaduct's tables and indexes, and of all others."""
    path = make_url(url).database
    assert path is not None
    with sqlite3.connect(path) as database:
        rows = database.execute(
            "SELECT m.tbl_name LIKE 'viaduct%', sum(d.pgsize) "
            "FROM dbstat d JOIN sqlite_master m USING (name) GROUP BY 1"
        )
        found = dict(rows.fetchall())
    return found.get(1, 0), found.get(0, 0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=4000, help="records of each kind")
    arguments = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    try:
        databases = Databases(servers)
        print("| kind | Viaduct's bytes a record | Keystone's |\n| --- | --- | --- |")
        for kind in KINDS:
            found = []
            for number in (arguments.records // 2, arguments.records):
                url = databases.keystone("sqlite")
                with tempfile.TemporaryDirectory(prefix="viaduct-size-") as folder:
                    fill(url, kind, number)
                    prepare(url, Path(folder) / "site")
                    found.append(taken(url))
            (ours, theirs), (our_double, their_double) = found
            each = arguments.records - arguments.records // 2
            print(f"| {kind} | {(our_double - ours) / each:.0f} | {(their_double - theirs) / each:.0f} |")
    finally:
        servers.stop_all()


if __name__ == "__main__":
    main()
