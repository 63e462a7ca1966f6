"""pytest plug-in of one process that runs upstream's tests our way (``-p tests.upstream.plugin``).

``VIADUCT_UPSTREAM`` holds JSON: ``url``, ``isolation_level``, ``mode`` (see :class:`~.processes.Run`),
``skips`` (test id to reason), ``apart`` (the same, of tests and classes), ``done``, the file of the ids that
are through, ``report``, the file that gets one line of JSON per test: its id, its outcome, and why, and
``tally``, the file that gets what :mod:`~.tally` counted.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystone_viaduct import config, drivers
from keystone_viaduct.config import SqlSettings
from keystone_viaduct.sql import installer
from tests.upstream import checkout, database, direct, speed, tally
from tests.upstream.skips import apart

OPTIONS: dict[str, Any] = json.loads(os.environ["VIADUCT_UPSTREAM"])
REPEATING = ("MySQLOpportunisticIdentityDriverTestCase", "PostgreSQLOpportunisticIdentityDriverTestCase")
ON_CASSANDRA = OPTIONS.get("url", "").startswith("cassandra://")
SQL_URL = "sqlite://" if ON_CASSANDRA else OPTIONS.get("url", "")
"""Where namespaces are that have no driver for Cassandra yet."""
WRAPPED = OPTIONS.get("mode") in ("wrapped", "remembering")


def test_id(nodeid: str) -> str:
    """``test_v3_auth.py::TestClass::test_method``: below the folder of upstream's tests."""
    return nodeid.replace("\\", "/").rpartition("keystone/tests/")[2]


def pytest_configure(config: pytest.Config) -> None:
    """Wrap the drivers, put our database under the tests, and give each request to the application a memo."""
    checkout.provide(Path.cwd())
    if OPTIONS["mode"] == "stock":
        return
    import keystone.conf
    from keystone.tests.unit.ksfixtures import database as upstream

    speed.compile_rules_once()
    settings = SqlSettings(isolation_level=OPTIONS["isolation_level"])
    if ON_CASSANDRA:
        from tests.upstream import on_cassandra

        on_cassandra.load_ours()
    if WRAPPED:
        installer.register()
        drivers.install(keystone.conf.CONF)
        tally.count_calls()
        _surround_applications()
    upstream.Database = database.fixture(SQL_URL, settings, WRAPPED)
    if ON_CASSANDRA:
        from tests.upstream import on_cassandra

        on_cassandra.use(OPTIONS["url"].partition("://")[2], upstream)


def _surround_applications() -> None:
    from keystone.server.flask import core

    original = core.setup_app_middleware

    def setup_app_middleware(app: Any) -> Any:
        app = original(app)
        app.wsgi_app = drivers.around(tally.count_requests(app.wsgi_app), config.DriverSettings())
        return app

    core.setup_app_middleware = setup_app_middleware


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is known not to be possible on this engine, each test for its own reason.

    Two classes are left out, also of the stock run: they repeat ``TestIdentityDriver`` on servers with the
    account of upstream's CI, and that class runs on this engine here.
    """
    items[:] = _left([item for item in items if not _repeats(item.nodeid)])
    if OPTIONS["mode"] != "stock":
        for module in {item.getparent(pytest.Module).obj for item in items}:  # type: ignore[union-attr]
            direct.use_our_database(module)
            if WRAPPED:
                direct.wrap_drivers(module)
            if ON_CASSANDRA:
                from tests.upstream import users_on_cassandra

                users_on_cassandra.look_here(module)
    for item in items:
        reason = OPTIONS["skips"].get(test_id(item.nodeid))
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


def _left(items: list[pytest.Item]) -> list[pytest.Item]:
    """Those that are to be run; of the others it is written down that they are not of this engine."""
    done = set(json.loads(Path(OPTIONS["done"]).read_text()))
    items = [item for item in items if test_id(item.nodeid) not in done]
    for item in items:
        reason = apart(test_id(item.nodeid), OPTIONS["apart"])
        if reason is not None:
            _write(test_id(item.nodeid), "apart", reason)
    return [item for item in items if apart(test_id(item.nodeid), OPTIONS["apart"]) is None]


def _repeats(nodeid: str) -> bool:
    return any(f"::{name}::" in nodeid for name in REPEATING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """In the mode ``remembering`` a whole test is what otherwise a request is."""
    with drivers.request() if OPTIONS["mode"] == "remembering" else contextlib.nullcontext():
        yield


_outcomes: dict[str, tuple[str, str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the outcome of a test; a failing set-up or tear-down fails it too."""
    name = test_id(report.nodeid)
    if report.failed:
        _outcomes[name] = ("failed", str(report.longrepr)[-4000:])
    elif report.skipped and hasattr(report, "wasxfail"):
        _outcomes.setdefault(name, ("passed", "expected failure"))
    elif report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _outcomes.setdefault(name, ("skipped", reason.removeprefix("Skipped: ")))
    elif report.when == "call":
        _outcomes.setdefault(name, ("passed", ""))


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Write the line of a test that is through."""
    name = test_id(nodeid)
    _write(name, *_outcomes.pop(name, ("failed", "no outcome")))


def _write(name: str, outcome: str, reason: str) -> None:
    with Path(OPTIONS["report"]).open("a") as report:
        report.write(json.dumps({"id": name, "outcome": outcome, "reason": reason}) + "\n")


def pytest_sessionfinish() -> None:
    """Write down what was counted."""
    Path(OPTIONS["tally"]).write_text(json.dumps(tally.counted))
