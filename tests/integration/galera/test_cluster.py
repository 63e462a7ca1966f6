"""The emulated cluster is one: it replicates, takes its time, splits, and heals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.testing.galera import Galera

pytestmark = pytest.mark.galera
ROOT = Path(__file__).resolve().parents[3]


def rows(cluster: Galera, site: int, database: str) -> list[int]:
    engine = sa.create_engine(cluster.url(site, database), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION wsrep_sync_wait = 1")
        return [row[0] for row in connection.exec_driver_sql("SELECT a FROM t ORDER BY a")]


def insert(cluster: Galera, site: int, database: str, number: int) -> float:
    """Seconds that the statement and its commit took."""
    engine = sa.create_engine(cluster.url(site, database), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        begun = time.monotonic()
        connection.exec_driver_sql(f"INSERT INTO t VALUES ({number})")
        connection.commit()
        return time.monotonic() - begun


@pytest.fixture
def table(cluster: Galera, database: str) -> str:
    cluster.execute(1, f"CREATE TABLE `{database}`.t (a INT PRIMARY KEY)")
    return database


def test_what_is_written_at_one_site_is_read_at_the_others(cluster: Galera, table: str) -> None:
    insert(cluster, 2, table, 1)
    assert [rows(cluster, site, table) for site in cluster.sites] == [[1], [1], [1]]


def test_a_commit_costs_about_a_round_trip(cluster: Galera, table: str) -> None:
    cluster.set_rtt(0.06)
    assert min(insert(cluster, 1, table, number) for number in range(3)) >= 0.055


def test_a_site_that_is_cut_off_refuses_and_comes_back_with_what_it_missed(
    cluster: Galera, table: str
) -> None:
    cluster.cut(3)
    cluster.wait_size(1, 2)
    insert(cluster, 1, table, 7)
    with pytest.raises(sa.exc.OperationalError, match="1047"):
        rows(cluster, 3, table)
    cluster.heal(3)
    cluster.wait(cluster.sites)
    assert rows(cluster, 3, table) == [7]


def test_a_killed_server_is_started_again_and_catches_up(cluster: Galera, table: str) -> None:
    cluster.kill(2)
    insert(cluster, 1, table, 5)
    cluster.restart(2)
    cluster.wait(cluster.sites)
    assert rows(cluster, 2, table) == [5]


def processes_naming(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if text in command:
                found.append(entry.name)
    return found


@pytest.mark.parametrize("ended", ["SIGINT", "SIGKILL"])
def test_nothing_is_left_when_its_program_is_ended(cluster: Galera, ended: str) -> None:
    command = [sys.executable, "-m", "keystone_viaduct.testing.galera", "--sites", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as program:
        assert program.stdout is not None
        url = program.stdout.readline().split(": ", 1)[1]
        folder = Path(sa.engine.make_url(url.strip()).query["unix_socket"]).parents[1]  # type: ignore[arg-type]
        assert processes_naming(str(folder))
        program.send_signal(signal.Signals[ended])
        program.wait(30)
    until = time.monotonic() + 30
    while (folder.exists() or processes_naming(str(folder))) and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()
    assert not processes_naming(str(folder))
