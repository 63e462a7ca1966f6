"""Real Keystones under a storm of clients: no failed request, no lost update.

``benchmarks/storm.py`` is the same, longer, and with a stock Keystone beside it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.drivers import counters
from tests.support.databases import DatabaseScope
from tests.support.served import ADMIN_PASSWORD, serving
from tests.support.servers import Server
from tests.support.storm import Storm

pytestmark = pytest.mark.keystone


def storm(folder: Path, url: str) -> counters.Counts:
    """The judgement is asserted; returns what was run again."""
    counted = folder / "counters"
    with serving(folder, [url], {"viaduct": {"counters_folder": str(counted)}}) as sites:
        report = Storm([sites[0].url], ADMIN_PASSWORD, clients=12, rounds=2).run()
    assert report.failed == 0, report.statuses()
    assert report.wrong == []
    assert report.lost == []
    return counters.collect(counted)


@pytest.mark.postgresql
def test_postgresql_at_serializable(
    tmp_path: Path, postgresql: Server, database_scope: DatabaseScope
) -> None:
    url = database_scope.keystone("postgresql")
    name = sa.engine.make_url(url).database
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        )
    counts = storm(tmp_path, url)
    assert counts.retries.total() > 0, "nobody was in another's way: it shows nothing"
    assert counts.outcomes[counters.EXHAUSTED] == 0


@pytest.mark.slow
@pytest.mark.mariadb
def test_mariadb_as_it_comes(tmp_path: Path, mariadb: Server, database_scope: DatabaseScope) -> None:
    counts = storm(tmp_path, database_scope.keystone("mariadb"))
    assert counts.retries.total() > 0, "nobody was in another's way: it shows nothing"
    assert counts.outcomes[counters.EXHAUSTED] == 0
