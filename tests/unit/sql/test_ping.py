"""Only connections that were idle for a while are asked whether they are alive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from keystone_viaduct import config
from keystone_viaduct.sql import mysql, postgresql, roundtrips


class Asked:
    """A pool whose connections are asked before use, by a clock that the test moves."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.now = 0.0
        self.count = 0
        self.engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.QueuePool, pool_pre_ping=True)
        dialect: Any = self.engine.dialect
        dialect.do_ping = self._ping
        roundtrips.ask_idle_only(self.engine, seconds, lambda: self.now)

    def _ping(self, _connection: Any) -> bool:
        self.count += 1
        return True

    def use(self) -> None:
        with self.engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path / "pool.db", seconds=5.0)


def test_a_connection_in_use_a_moment_ago_is_not_asked(asked: Asked) -> None:
    for _ in range(5):
        asked.use()
        asked.now += 4.9
    assert asked.count == 0


def test_an_idle_connection_is_asked(asked: Asked) -> None:
    asked.use()
    asked.now += 5.1
    asked.use()
    asked.use()
    assert asked.count == 1


def settings(**given: Any) -> config.SqlSettings:
    conf = cfg.ConfigOpts()
    config.register(conf)
    conf([])
    for name, value in given.items():
        conf.set_override(name, value, config.GROUP)
    return config.sql_settings(conf)


def test_without_retry_every_connection_is_asked() -> None:
    assert settings().ping_after == 5.0
    assert settings(retry=False).ping_after == 0.0


def test_what_is_set_on_each_session_comes_from_the_options() -> None:
    assert postgresql.session_statements(settings()) == []
    given = settings(isolation_level="SERIALIZABLE", lock_wait_timeout=1.5, galera_sync_wait=1)
    assert postgresql.session_statements(given) == [
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET SESSION lock_timeout = 1500",
    ]
    assert mysql.session_statements(given) == [
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET SESSION wsrep_sync_wait = 1",
        "SET SESSION innodb_lock_wait_timeout = 2",
    ]
    assert mysql.session_statements(settings()) == []
