"""What a cluster answers when it cannot do as it is told, and what that is taken for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from keystone_viaduct import sql
from keystone_viaduct.drivers import faults
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.sql import installer
from keystone_viaduct.testing.galera import Galera

pytestmark = pytest.mark.galera


@pytest.fixture
def engines(cluster: Galera, database: str) -> Iterator[dict[int, sa.engine.Engine]]:
    """An engine for each site, and a table of one row."""
    installer.register()
    cluster.execute(1, f"CREATE TABLE `{database}`.t (id INT PRIMARY KEY, a INT)")
    cluster.execute(1, f"INSERT INTO `{database}`.t VALUES (1, 0)")
    made = {site: sa.create_engine(cluster.url(site, database)) for site in cluster.sites}
    for engine in made.values():
        sql.attach(engine)
    yield made
    for engine in made.values():
        engine.dispose()


def update(connection: sa.engine.Connection, value: int) -> None:
    connection.exec_driver_sql(f"UPDATE t SET a = {value}")


def fault_of(raised: pytest.ExceptionInfo[sa.exc.DBAPIError]) -> Fault | None:
    return faults.classify(raised.value)


def test_the_second_of_two_sites_that_change_one_row_is_refused_and_may_try_again(
    engines: dict[int, sa.engine.Engine],
) -> None:
    with engines[1].connect() as one, engines[2].connect() as other:
        update(one, 1)
        update(other, 2)
        one.commit()
        with pytest.raises(sa.exc.DBAPIError, match="1213") as raised:
            other.commit()
    assert fault_of(raised) is Fault.CONFLICT


def test_a_commit_that_is_under_way_when_the_site_is_cut_off_may_have_happened(
    cluster: Galera, engines: dict[int, sa.engine.Engine]
) -> None:
    with engines[3].connect() as connection:
        update(connection, 3)
        cluster.cut(3)
        with pytest.raises(sa.exc.DBAPIError, match="1180") as raised:
            connection.commit()
        connection.invalidate()
    assert fault_of(raised) is Fault.AMBIGUOUS


def test_a_site_that_is_cut_off_serves_nobody_certainly(
    cluster: Galera, engines: dict[int, sa.engine.Engine]
) -> None:
    cluster.cut(3)
    cluster.wait_size(3, 1)
    with pytest.raises(sa.exc.DBAPIError, match="1047") as raised, engines[3].connect() as connection:
        update(connection, 3)
    assert fault_of(raised) is Fault.REFUSED
