"""Real Keystones at SERIALIZABLE under a storm of clients: no failed request, no lost update.

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


@pytest.mark.keystone
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
    counted = tmp_path / "counters"
    with serving(tmp_path, [url], {"viaduct": {"counters_folder": str(counted)}}) as sites:
        report = Storm([sites[0].url], ADMIN_PASSWORD, clients=12, rounds=2).run()
    assert report.failed == 0, report.statuses()
    assert report.wrong == []
    assert report.lost == []
    counts = counters.collect(counted)
    assert counts.retries.total() > 0, "nobody was in another's way: it shows nothing"
    assert counts.outcomes[counters.EXHAUSTED] == 0
