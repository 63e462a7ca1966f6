"""Reading one's own writes at another site."""

from __future__ import annotations

import time
from statistics import median

import pytest
import sqlalchemy as sa

from keystone_viaduct import sql
from keystone_viaduct.config import SqlSettings
from keystone_viaduct.testing.galera import Galera

pytestmark = pytest.mark.galera
RTT = 0.05


def engine(cluster: Galera, site: int, database: str, sync_wait: int | None) -> sa.engine.Engine:
    made = sa.create_engine(cluster.url(site, database))
    sql.attach(made, SqlSettings(galera_sync_wait=sync_wait))
    return made


def seconds_to_read(cluster: Galera, database: str, sync_wait: int | None) -> list[float]:
    """The times of reads at site 2, each of what was just committed at site 1 (checked)."""
    writer, reader = engine(cluster, 1, database, None), engine(cluster, 2, database, sync_wait)
    with reader.connect():
        pass
    times = []
    for number in range(8):
        with writer.begin() as connection:
            connection.exec_driver_sql(f"UPDATE t SET a = {number}")
        begun = time.monotonic()
        with reader.connect() as connection:
            found = connection.exec_driver_sql("SELECT a FROM t").scalar_one()
        times.append(time.monotonic() - begun)
        assert sync_wait is None or found == number
    writer.dispose()
    reader.dispose()
    return times


def test_a_write_acknowledged_at_one_site_is_read_at_another_for_up_to_a_round_trip(
    cluster: Galera, database: str
) -> None:
    cluster.execute(1, f"CREATE TABLE `{database}`.t (id INT PRIMARY KEY, a INT)")
    cluster.execute(1, f"INSERT INTO `{database}`.t VALUES (1, 0)")
    cluster.set_rtt(RTT)
    waiting = seconds_to_read(cluster, database, 1)
    not_waiting = seconds_to_read(cluster, database, None)
    assert max(waiting) > RTT / 2  # not all of them: the next exchange between the sites may be near
    assert median(not_waiting) < RTT / 4


def test_two_transactions_at_one_site_cannot_both_change_what_they_read(
    cluster: Galera, database: str
) -> None:
    cluster.execute(1, f"CREATE TABLE `{database}`.t (id INT PRIMARY KEY, a INT)")
    cluster.execute(1, f"INSERT INTO `{database}`.t VALUES (1, 0)")
    here = engine(cluster, 1, database, None)
    with here.connect() as one, here.connect() as other:
        for connection in (one, other):
            connection.exec_driver_sql("SELECT a FROM t").all()
        one.exec_driver_sql("UPDATE t SET a = 1")
        one.commit()
        with pytest.raises(sa.exc.OperationalError, match="1020"):
            other.exec_driver_sql("UPDATE t SET a = 2")
    here.dispose()
