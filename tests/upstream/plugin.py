"""pytest plug-in of one process that runs upstream's tests our way (``-p tests.upstream.plugin``).

``VIADUCT_UPSTREAM`` holds JSON: ``url``, ``isolation_level``, ``wrapped``, ``skips`` (test id to reason) and
``report``, the file that gets one line of JSON per test: its id, its outcome, and why.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from keystone_viaduct import config, drivers
from keystone_viaduct.config import SqlSettings
from keystone_viaduct.sql import installer
from tests.upstream import database

OPTIONS: dict[str, Any] = json.loads(os.environ["VIADUCT_UPSTREAM"])


def test_id(nodeid: str) -> str:
    """``test_v3_auth.py::TestClass::test_method``: below the folder of upstream's tests."""
    return nodeid.replace("\\", "/").rpartition("keystone/tests/")[2]


def pytest_configure(config: pytest.Config) -> None:
    """Wrap the drivers, put our database under the tests, and give each request to the application a memo."""
    import keystone.conf
    from keystone.tests.unit.ksfixtures import database as upstream

    settings = SqlSettings(isolation_level=OPTIONS["isolation_level"])
    if OPTIONS["wrapped"]:
        installer.register()
        drivers.install(keystone.conf.CONF)
        _give_requests_a_memo()
    upstream.Database = database.fixture(OPTIONS["url"], settings, OPTIONS["wrapped"])


def _give_requests_a_memo() -> None:
    from keystone.server.flask import core

    original = core.setup_app_middleware

    def setup_app_middleware(app: Any) -> Any:
        app = original(app)
        app.wsgi_app = drivers.RequestMemo(app.wsgi_app, config.DriverSettings())
        return app

    core.setup_app_middleware = setup_app_middleware


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is known not to be possible on this engine, each test for its own reason.

    Classes named ``…Opportunistic…`` are left out: they repeat others on servers with an account of
    upstream's CI.
    """
    items[:] = [item for item in items if "Opportunistic" not in item.nodeid]
    for item in items:
        reason = OPTIONS["skips"].get(test_id(item.nodeid))
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


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
    outcome, reason = _outcomes.pop(name, ("failed", "no outcome"))
    with Path(OPTIONS["report"]).open("a") as report:
        report.write(json.dumps({"id": name, "outcome": outcome, "reason": reason}) + "\n")
