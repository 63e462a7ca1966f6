"""Which databases ``viaduct manage`` works on, by the drivers that Keystone's configuration chooses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("keystone")

from keystone.cmd import manage as keystones

from keystone_viaduct import drivers
from keystone_viaduct.cli import _cassandra, manage
from keystone_viaduct.drivers.chosen import GROUPS

HERE, MIXED, SQL = GROUPS, GROUPS[:3], ()


@pytest.mark.parametrize(
    ("ours", "arguments", "code", "expected"),
    [
        (HERE, ["db_sync"], 0, ["cassandra"]),
        (HERE, ["db_version"], 0, ["cassandra"]),
        (HERE, ["db_sync", "--check"], 2, ["cassandra"]),
        (HERE, ["db_sync", "--help"], 0, ["cassandra", "keystone"]),
        (HERE, ["bootstrap"], 0, ["keystone"]),
        (MIXED, ["db_sync"], 0, ["cassandra", "sql"]),
        (MIXED, ["db_sync", "--check"], 2, ["cassandra"]),
        (MIXED, ["bootstrap"], 0, ["sql"]),
        (SQL, ["db_sync"], 0, ["sql"]),
        (SQL, ["bootstrap"], 0, ["sql"]),
    ],
)
def test_each_database_gets_what_is_meant_for_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ours: tuple[str, ...],
    arguments: list[str],
    code: int,
    expected: list[str],
) -> None:
    config = tmp_path / "keystone.conf"
    config.write_text("".join(f"[{group}]\ndriver = cassandra\n" for group in ours))
    done: list[str] = []

    def managed(*_args: object) -> int:
        done.append("cassandra")
        return code

    monkeypatch.setattr(_cassandra, "managed", managed)
    monkeypatch.setattr(manage, "_over_sql", lambda *_: done.append("sql"))
    monkeypatch.setattr(keystones, "main", lambda: done.append("keystone"))
    monkeypatch.setattr(drivers, "install", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["viaduct"])
    assert manage.run_unread(["--config-file", str(config), *arguments]) == code
    assert done == expected
