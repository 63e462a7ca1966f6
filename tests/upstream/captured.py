"""pytest plug-in beside ``tests.upstream.plugin``: upstream's own databases, with capture in them.

Instead of the plug-in it is based on, not with it. ``VIADUCT_UPSTREAM`` holds JSON: ``captured`` (false:
upstream's tests as they are), ``skips`` (none), ``report`` and ``tally``, the file that gets one object at
the end: how many ``databases`` had capture, the ``triggers`` in each, and the ``marks`` by kind that were
found in them when they were dropped.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct import config, drivers
from keystone_viaduct import sql as viaduct_sql
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync import api
from keystone_viaduct.sync.capture import PREFIX, TriggerCapture
from keystone_viaduct.sync.store import schema
from tests.upstream.plugin import OPTIONS, pytest_runtest_logfinish, pytest_runtest_logreport

__all__ = [
    "pytest_configure",
    "pytest_runtest_logfinish",
    "pytest_runtest_logreport",
    "pytest_sessionfinish",
]


class Capture:
    """Puts into each database that is made from Keystone's models what ``viaduct init`` puts into a real one.

    Listens to the models' metadata. What is to be put in is made once, by the installer itself, and replayed.
    """

    def __init__(self) -> None:
        self._script = ""
        self.databases = 0
        self.triggers: set[int] = set()
        self.marks: Counter[str] = Counter()

    def listen(self, metadata: sa.MetaData) -> None:
        """Take part in every ``create_all`` and ``drop_all``."""
        sa.event.listen(metadata, "after_create", self._created)
        sa.event.listen(metadata, "before_drop", self._dropping)

    def _created(self, metadata: sa.MetaData, connection: sa.Connection, **_: Any) -> None:
        if not self._script:
            self._script = "initialising"  # its own database is made from the models too
            self._script = make_script(metadata)
        if self._script != "initialising" and not _ours(connection):
            connection.connection.cursor().executescript(self._script)
            self.databases += 1

    def _dropping(self, _metadata: sa.MetaData, connection: sa.Connection, **_: Any) -> None:
        found = _ours(connection)
        if found:
            self.triggers.add(found)
            rows = connection.execute(
                sa.text("SELECT kind, count(*) AS number FROM viaduct_dirty GROUP BY kind")
            )
            self.marks.update({row.kind: row.number for row in rows})

    def tally(self) -> dict[str, Any]:
        """What was seen, as JSON."""
        return {"databases": self.databases, "triggers": sorted(self.triggers), "marks": self.marks}


def make_script(metadata: sa.MetaData) -> str:
    """Statements that make our tables and triggers beside the tables of ``metadata``, on SQLite."""
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    metadata.create_all(engine)
    schema.upgrade(engine)
    with engine.connect() as connection:
        TriggerCapture(connection, reflect(connection)).install()
        rows = connection.execute(
            sa.text("SELECT sql FROM sqlite_master WHERE name LIKE 'viaduct_%' OR name LIKE 'ix_viaduct_%'")
        )
        script = ";\n".join(statement for (statement,) in rows if statement)
    engine.dispose()
    return f"{script};\n"


def _ours(connection: sa.Connection) -> int:
    """How many triggers of capture the database has."""
    found = connection.execute(
        sa.text("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE :name"),
        {"name": f"{PREFIX}%"},
    )
    return int(found.scalar_one())


_capture = Capture()


def pytest_configure(config: pytest.Config) -> None:
    """Do what our WSGI entry does, at the places where upstream's tests make databases and applications."""
    if not OPTIONS["captured"]:
        return
    import keystone.conf
    from keystone.common import sql

    conf = keystone.conf.CONF
    drivers.install(conf)
    api.install(conf, after_write=drivers.forget)
    _hook_into_engines(conf)
    _surround_applications(conf)
    _capture.listen(sql.ModelBase.metadata)


def _hook_into_engines(conf: Any) -> None:
    from keystone.common import sql
    from keystone.common.sql import core

    original = sql.enable_sqlite_foreign_key

    def enable_sqlite_foreign_key() -> None:
        """Each test has an engine of its own, prepared here."""
        first = core._main_context_manager is None
        original()
        if first:
            viaduct_sql.install(conf)

    sql.enable_sqlite_foreign_key = enable_sqlite_foreign_key


def _surround_applications(conf: Any) -> None:
    from keystone.server.flask import core

    original = core.setup_app_middleware

    def setup_app_middleware(app: Any) -> Any:
        app = original(app)
        app.wsgi_app = api.around(drivers.around(app.wsgi_app, config.driver_settings(conf)), conf)
        return app

    core.setup_app_middleware = setup_app_middleware


def pytest_sessionfinish() -> None:
    """Write down what was captured."""
    Path(OPTIONS["tally"]).write_text(json.dumps(_capture.tally()))
