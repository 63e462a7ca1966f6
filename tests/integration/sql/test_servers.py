"""The servers of the tests: each is known by its own name, and a start that failed hides no cause."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support import servers as support
from tests.support.servers import Server, Servers

DEAF = Server("mariadb", "mysql+pymysql", "root", "mysql", {"unix_socket": "/nowhere"})


def prepare_deaf(folder: Path, account: str | None) -> tuple[Server, str, list[str]]:
    """A program that runs and never answers."""
    (folder / "data").mkdir()
    return DEAF, "SIGKILL", [sys.executable, "-c", "import signal; signal.pause()", str(folder)]


def prepare_nothing(folder: Path, account: str | None) -> tuple[Server, str, list[str]]:
    """A server whose preparation fails."""
    raise RuntimeError("no space left")


def processes(folder: Path) -> list[str]:
    """The commands that run and name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if os.fsencode(folder) in command:
            found.append(command.decode(errors="replace"))
    return found


@pytest.mark.mariadb
def test_servers_that_are_prepared_alike_are_two_and_each_worker_finds_both(
    servers: Servers, mariadb: Server
) -> None:
    logged = servers.get("mariadb-logged")
    another = Servers(servers.run_folder, servers.owner)
    assert [another.get(name) for name in ("mariadb-logged", "mariadb")] == [logged, mariadb]
    assert (logged.name, mariadb.name) == ("mariadb-logged", "mariadb")
    assert logged.admin_url != mariadb.admin_url


def test_a_server_that_never_answers_leaves_nothing_and_fails_alike_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(support._PREPARE, "deaf", prepare_deaf)
    monkeypatch.setattr(support, "READY_SECONDS", 0.1)
    ours = Servers(tmp_path, os.getpid())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="deaf did not start"):
            ours.get("deaf")
        assert {path.name for path in tmp_path.iterdir()} == {"deaf.lock", "deaf.log"}
        assert processes(tmp_path) == []


def test_what_a_killed_worker_has_begun_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(support._PREPARE, "full", prepare_nothing)
    (tmp_path / "full" / "data").mkdir(parents=True)
    with pytest.raises(RuntimeError, match="no space left"):
        Servers(tmp_path, os.getpid()).get("full")
    assert not (tmp_path / "full").exists()
