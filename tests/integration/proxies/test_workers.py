"""Several Keystones with several workers each, behind HAProxy, on one PostgreSQL behind PgBouncer.

Clients change the same few rows through both doors, sticky and not; a worker is killed meanwhile, and the
pooler's few sessions are used by all in turn. No acknowledged value may be lost, and each change leaves its
mark, which Keystone's own processes write here.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli.main import main
from keystone_viaduct.demo.keystones import Keystone
from tests.support.databases import DatabaseScope
from tests.support.proxies import haproxy, pgbouncer
from tests.support.served import ADMIN_PASSWORD, serving
from tests.support.servers import Server
from tests.support.storm import Report, Storm

pytestmark = [pytest.mark.keystone, pytest.mark.postgresql]
MODES = ("session", "transaction")


def workers(site: Keystone) -> list[int]:
    """The processes that serve it."""
    return [int(pid) for pid in Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text().split()]


class Blown:
    """What came of a storm through both doors, and what the site's bookkeeping says of it."""

    def __init__(self, report: Report, marks: set[tuple[str, str]], hot: set[tuple[str, str]]) -> None:
        self.report, self.marks, self.hot = report, marks, hot


def blow(folder: Path, url: str, behind: str, kill: bool) -> Blown:
    """Two Keystones of two workers each; the database is prepared past the pooler."""
    ours = {"key_repository": str(folder / "keys"), "capture": "events"}

    def prepare() -> None:
        config = ["--config-file", str(folder / "0" / "keystone.conf")]
        assert main(["init", "--site", "east", "--hub", "east", *config]) == 0
        execute(url, "DELETE FROM viaduct_dirty")

    with (
        serving(folder, [behind, behind], {"viaduct": ours}, between=prepare) as sites,
        haproxy([site.port.number for site in sites], folder / "haproxy") as doors,
    ):
        storm = Storm([doors.sticky, doors.spread], ADMIN_PASSWORD, clients=8, rounds=3)
        storm.prepare()
        if kill:
            victim = workers(sites[1])[0]
            threading.Timer(0.5, os.kill, (victim, signal.SIGKILL)).start()
        storm.blow()
        storm.judge()
        if kill:
            assert victim not in workers(sites[1]), "it was not killed: it shows nothing"
    marks = {(str(kind), str(key)) for kind, key in rows(url, "SELECT DISTINCT kind, key FROM viaduct_dirty")}
    hot = {("user", storm.ids["user"]), ("project", storm.ids["project"])}
    return Blown(storm.report, marks, hot)


def execute(url: str, statement: str) -> None:
    """One statement, committed."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


def rows(url: str, statement: str) -> list[Any]:
    """What it answers."""
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        return list(connection.execute(sa.text(statement)))


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_lost_behind_a_balancer_and_a_pooler(
    mode: str, postgresql: Server, database_scope: DatabaseScope, tmp_path: Path
) -> None:
    url = database_scope.empty("postgresql")
    with pgbouncer(url, tmp_path / "pgbouncer", mode, 6 if mode == "transaction" else 60) as behind:
        found = blow(tmp_path / "sites", url, behind, kill=False)
    report = found.report
    assert (report.failed, report.wrong, report.lost) == (0, [], [])
    assert found.hot <= found.marks
    changed = {str(row[0]) for row in rows(url, "SELECT id FROM \"user\" WHERE id <> 'admin'")}
    made_before = {key for key in changed if ("user", key) not in found.marks}
    assert len(made_before) <= 1, "only the administrator was there before"


@pytest.mark.slow
def test_a_worker_that_is_killed_takes_no_acknowledged_value_along(
    postgresql: Server, database_scope: DatabaseScope, tmp_path: Path
) -> None:
    url = database_scope.empty("postgresql")
    with pgbouncer(url, tmp_path / "pgbouncer", "transaction", 6) as behind:
        found = blow(tmp_path / "sites", url, behind, kill=True)
    assert found.report.lost == [] and found.hot <= found.marks


@pytest.mark.parametrize("mode", [*MODES, "none"])
@pytest.mark.parametrize("option", ["", "lock_wait_timeout = 5", "isolation_level = SERIALIZABLE"])
def test_doctor_says_what_to_set_behind_a_pooler(
    mode: str,
    option: str,
    postgresql: Server,
    database_scope: DatabaseScope,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = database_scope.keystone("postgresql")
    if mode == "none":
        assert doctor(url, option, tmp_path, capsys) == []
        return
    with pgbouncer(url, tmp_path / "pgbouncer", mode, 20) as behind:
        (told,) = doctor(behind, option, tmp_path, capsys)
    assert told["status"] == ("problem" if option and mode == "transaction" else "ok")
    assert ("each connection a session" in told["message"]) == (mode == "session")
    if told["status"] == "problem":
        assert option.split(" ")[0] in told["message"] and "pool_mode = session" in told["hint"]


def doctor(url: str, option: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """What `viaduct doctor` says of poolers."""
    config = folder / "keystone.conf"
    config.write_text(
        f"[database]\nconnection = {url}\n[viaduct]\nkey_repository = {folder}/keys\n{option}\n"
    )
    main(["doctor", "--json", "--config-file", str(config)])
    found = json.loads(capsys.readouterr().out)["checks"]
    return [check for check in found if check["check"] == "pooler"]
