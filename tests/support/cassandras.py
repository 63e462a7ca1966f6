"""One real Cassandra for the tests of a session, started by the first that asks; a key prefix isolates tests.

Its keyspace has the schema of the newest version. Emptying tables would take a second for each, so each test
writes below a prefix of its own, and nothing is ever emptied.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from keystone_viaduct.cassandra.schema.ladder import Ladder
from keystone_viaduct.cassandra.session import Session
from keystone_viaduct.cassandra.settings import Settings
from keystone_viaduct.testing.cassandra.node import Node, missing
from tests.support.servers import GUARDIAN, MissingServer, clear, locked

JARS = Path(__file__).parents[2] / ".cache" / "cassandra" / "lib"
PORT = 9042
READY_SECONDS = 600.0
#: The address of a node that runs already, to be used instead of one of the session's own.
GIVEN = "VIADUCT_CASSANDRA_NODE"


def start(run_folder: Path, owner: int) -> str:
    """The session's node; raises :class:`MissingServer` with what to do where there can be none."""
    given = os.environ.get(GIVEN)
    if given:
        return given
    reason = missing(JARS)
    if reason is not None:
        raise MissingServer(reason)
    with locked(run_folder / "cassandra.lock"):
        record = run_folder / "cassandra.address"
        if record.exists():
            return record.read_text()
        clear(run_folder, "cassandra")
        try:
            address = _start(run_folder, owner)
        except BaseException:
            clear(run_folder, "cassandra")
            raise
        record.write_text(address)
        return address


def session(address: str, **chosen: Any) -> Session:
    """A session with a node, in a keyspace that has the newest schema."""
    made = Session(Settings(nodes=(address,), request_timeout=10.0, **chosen))
    ladder = Ladder(made)
    ladder.create({"dc1": 1})
    ladder.upgrade()
    ladder.check()
    return made


def _start(run_folder: Path, owner: int) -> str:
    folder = run_folder / "cassandra"
    pid = os.getpid()
    address = f"127.{64 + pid % 64}.{pid // 64 % 256}.{pid // 16384 % 254 + 1}"
    node = Node(folder, address, (address,), fast_schema=True)
    node.prepare()
    java = shutil.which("java") or "java"
    log = run_folder / "cassandra.log"
    guard = [sys.executable, "-I", str(GUARDIAN), str(owner), str(folder), "SIGKILL", "-"]
    with log.open("ab") as output:
        guardian = subprocess.Popen(
            [*guard, *node.command(JARS, java)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=os.environ | {"MALLOC_ARENA_MAX": "2"},
            start_new_session=True,
        )
    (run_folder / "cassandra.pid").write_text(str(guardian.pid))
    _wait(address, guardian, log)
    return address


def _wait(address: str, guardian: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with socket.create_connection((address, PORT), timeout=1.0):
                return
        except OSError as error:
            if guardian.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Cassandra did not start:\n{log.read_text()[-4000:]}") from error
            time.sleep(0.1)
