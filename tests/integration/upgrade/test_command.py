"""``viaduct upgrade`` as an operator uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keystone_viaduct.cli.main import main
from tests.bridges.across.declared import MOVED as MOVES
from tests.bridges.declared import DECLARED
from tests.support.moves import make_old
from tests.support.upgrades import make_table, site

DECLARATION = """
from keystone_viaduct.upgrade.operations import RenameColumn
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.types import Text

THING = Table("thing", (Column("id", Text(64), nullable=False),))
UPGRADE = [RenameColumn(THING, Column("login", Text(16)), "account")]
"""
BRIDGE = next(item.bridge for item in DECLARED if item.operation == "rename column")


@pytest.fixture
def declared(tmp_path: Path) -> str:
    """The file that declares the upgrade."""
    path = tmp_path / "accounts.py"
    path.write_text(DECLARATION)
    return str(path)


def test_an_upgrade_goes_from_plan_to_contract(
    sqlite_url: str, declared: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_table(sqlite_url, BRIDGE, [{"id": f"k{n}", "login": f"l{n}"} for n in range(30)])

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["upgrade", *arguments, "--database", sqlite_url])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    code, said = run("plan", declared)
    assert code == 0 and 'ADD COLUMN "account"' in said and "locks: brief" in said and "30 rows" in said
    assert run("status")[0] == 0
    assert "accounts is expanded; next: migrate" in run("expand", declared)[1]
    code, said = run("contract", declared)
    assert code == 2 and "accounts is expanded" in said and "next: migrate" in said
    assert "30 of 30 rows filled" in run("migrate", declared)[1]
    assert run("verify", declared, "--sample", "0.5")[0] == 0
    code, said = run("contract", declared)
    assert code == 2 and "nothing is known about who still runs the old release" in said
    code, said = run("contract", declared, "--unobserved")
    assert code == 0 and "accounts is contracted" in said
    assert "contracted" in run("status")[1]
    assert run("resume", declared)[0] == 0
    assert set(site(sqlite_url).columns("thing")) == {"id", "note", "account"}


def test_programs_get_json(sqlite_url: str, declared: str, capsys: pytest.CaptureFixture[str]) -> None:
    make_table(sqlite_url, BRIDGE, [{"id": "k", "login": "l"}])
    assert main(["upgrade", "expand", declared, "--database", sqlite_url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "upgrade": "accounts",
        "state": "expanded",
        "next": "migrate",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("UPGRADE = []", "declares no UPGRADE"),
        ("1 / 0", "ZeroDivisionError"),
        ("UPGRADE = ['x']", "is no operation"),
        (DECLARATION.replace('"id", Text(64), nullable=False', '"login", Text(16)'), "named twice"),
    ],
)
def test_a_file_that_declares_nothing_sensible_is_refused_and_changes_nothing(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    make_table(sqlite_url, BRIDGE, [])
    path = tmp_path / "wrong.py"
    path.write_text(text)
    assert main(["upgrade", "expand", str(path), "--database", sqlite_url]) == 2
    assert said in capsys.readouterr().err
    assert set(site(sqlite_url).columns("thing")) == {"id", "note", "login"}


def test_without_a_file_or_with_two_databases_nothing_is_done(
    sqlite_url: str, declared: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upgrade", "expand", "--database", sqlite_url]) == 2
    assert "needs the file" in capsys.readouterr().err
    assert main(["upgrade", "expand", declared, "--database", sqlite_url, "--config-file", "x"]) == 2
    assert "two databases" in capsys.readouterr().err
    assert main(["upgrade", "expand", declared, "--database", "nonsense://"]) == 2


MOVED = """
from keystone_viaduct.upgrade.operations import MoveColumn
from tests.bridges.across.declared import MOVED

UPGRADE = [MoveColumn(next(item.move for item in MOVED if item.operation == "move column 1:n to parent"))]
"""
MARK = "INSERT INTO viaduct_bridge_marks (bridge, side, record) VALUES ('several', 'old', 'p1')"
UNEQUAL = "UPDATE place SET email = 'other' WHERE id = 'p1'"


def test_repair_settles_what_is_marked(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declared = tmp_path / "moves.py"
    declared.write_text(MOVED)
    move = next(item.move for item in MOVES if item.operation == "move column 1:n to parent")
    make_old(sqlite_url, move, [{"mail": "a"}, {"mail": "b"}])
    made = site(sqlite_url)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["upgrade", *arguments, "--database", sqlite_url])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    assert run("expand", str(declared))[0] == 0
    assert run("repair", str(declared), "--once") == (0, "no mark is left\n")
    made.run("DROP TRIGGER viaduct_b_several_p_upd", UNEQUAL, MARK)
    assert "1 marks wait" in run("status")[1]
    assert run("repair", str(declared), "--once")[0] == 0
    assert made.rows("place")["p1"]["email"] == made.rows("thing")["c1x0"]["mail"] == "b"
    made.run("INSERT INTO viaduct_bridge_marks (bridge, side, record) VALUES ('several', 'old', 'a/b')")
    code, said = run("repair", str(declared), "--once")
    assert code == 1 and "several a/b: " in said and "1 marks are left" in said
    code, said = run("repair")
    assert code == 2 and "needs the file" in said
    made.database.close()


def test_the_worker_settles_until_a_signal_comes(sqlite_url: str, tmp_path: Path) -> None:
    declared = tmp_path / "moves.py"
    declared.write_text(MOVED)
    move = next(item.move for item in MOVES if item.operation == "move column 1:n to parent")
    make_old(sqlite_url, move, [{"mail": "a"}, {"mail": "b"}])
    assert main(["upgrade", "expand", str(declared), "--database", sqlite_url]) == 0
    command = [sys.executable, "-m", "keystone_viaduct.cli.main", "upgrade", "repair", str(declared)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    made = site(sqlite_url)
    with subprocess.Popen([*command, "--database", sqlite_url], env=environment) as worker:
        made.run("DROP TRIGGER viaduct_b_several_p_upd", UNEQUAL, MARK)
        deadline = time.monotonic() + 60
        while made.rows("place")["p1"]["email"] != "b" and time.monotonic() < deadline:
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert made.rows("place")["p1"]["email"] == "b"
    made.database.close()
