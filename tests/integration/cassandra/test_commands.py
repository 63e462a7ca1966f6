"""``viaduct cassandra`` and ``viaduct manage`` on a real node: from nothing to a token, without SQL."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keystone_viaduct.cassandra.session import Session
from keystone_viaduct.cassandra.settings import Settings
from keystone_viaduct.cli.main import main
from tests.support.keystones import KeystoneHome
from tests.support.without_sql import SERVE, without_sql

pytestmark = [pytest.mark.cassandra, pytest.mark.keystone]


@pytest.fixture
def home(cassandra_node: str, tmp_path: Path) -> Iterator[KeystoneHome]:
    """A Keystone whose keyspace is not there yet."""
    keyspace = f"k{uuid.uuid4().hex[:8]}"
    yield without_sql(tmp_path / "home", cassandra_node, keyspace)
    session = Session(Settings(nodes=(cassandra_node,), request_timeout=10.0))
    session.alter(f"DROP KEYSPACE IF EXISTS {keyspace}")
    session.close()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def viaduct(home: KeystoneHome, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``viaduct`` there, in this process: exit code, output, errors in one line."""

    def run(*arguments: str) -> tuple[int, str, str]:
        place = ["--config-file", str(home.config)]
        command = ["manage", *place, *arguments[1:]] if arguments[0] == "manage" else [*arguments, *place]
        code = main(command)
        seen = capsys.readouterr()
        return code, seen.out, " ".join(seen.err.split())

    return run


def status(viaduct: Run) -> dict[str, Any]:
    """What ``viaduct cassandra status`` says."""
    code, out, _ = viaduct("cassandra", "status", "--json")
    found: dict[str, Any] = json.loads(out)
    assert code == (1 if found["problems"] else 0)
    return found


def test_from_nothing_to_a_token_no_sql_database_is_opened(home: KeystoneHome, viaduct: Run) -> None:
    assert [each["code"] for each in status(viaduct)["problems"]] == ["store.uninitialised"]
    code, _, said = viaduct("manage", "db_sync")
    assert code == 2 and "viaduct cassandra init" in said
    code, out, said = viaduct("cassandra", "init", "--replicas", "dc1=1")
    assert code == 0 and "root of all domains" in out and "one node that is lost" in said
    assert viaduct("cassandra", "init")[1] == "nothing was missing\n"
    found = status(viaduct)
    assert found["problems"] == [] and found["replicas"] == {"dc1": 1} and found["root"]
    assert viaduct("manage", "db_sync")[0] == 0
    assert viaduct("manage", "db_sync", "--check")[0] == 0

    def manage(*arguments: str) -> str:
        command = ["-m", "keystone_viaduct.cli.main", "manage", "--config-file", str(home.config), *arguments]
        return home.release.run("python", *command, env=home.env)

    home.bootstrap_by(manage, "secret")
    assert home.release.python(SERVE, env=home.env).endswith("served\n")
    assert not (home.folder / "nowhere").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["init"], "--replicas DATACENTER=COUNT, once or more; nodes that there are: dc1=1"),
        (["init", "--replicas", "dc1=2"], "data centre dc1 has 1 nodes, which can't hold 2 copies"),
        (["init", "--replicas", "dc9=1"], "no data centre 'dc9'"),
        (["init", "--replicas", "dc1"], "--replicas dc1 says nothing"),
        (["upgrade", "--replicas", "dc1=1"], "--replicas is for init"),
        (["upgrade"], "make it by `viaduct cassandra init`"),
    ],
)
def test_what_can_not_be_done_is_said_with_what_to_do_and_changes_nothing(
    viaduct: Run, arguments: list[str], said: str
) -> None:
    code, _, error = viaduct("cassandra", *arguments)
    assert code == 2 and said in error
    assert [each["code"] for each in status(viaduct)["problems"]] == ["store.uninitialised"]


def test_a_keyspace_that_is_there_is_never_given_other_copies(viaduct: Run) -> None:
    assert viaduct("cassandra", "init", "--replicas", "dc1=1")[0] == 0
    code, _, said = viaduct("cassandra", "init", "--replicas", "dc1=3")
    assert code == 2 and "with the copies dc1=1" in said


def test_nobody_listening_is_said_with_what_to_look_at(home: KeystoneHome, viaduct: Run) -> None:
    home.config.write_text(home.config.read_text().replace("keyspace = ", "port = 1\nkeyspace = "))
    code, _, said = viaduct("cassandra", "status")
    assert code == 2 and "hint: look at the nodes" in said
