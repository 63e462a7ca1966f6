"""``viaduct init``, ``doctor`` and ``status`` on a database that Keystone has migrated, on each engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli.main import main
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, make_engine
from keystone_viaduct.triggers import Installer
from tests.support.sites import HexCipher
from tests.unit.documents.world import WORLD, items_of

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")
#: What a command decides before or beside the database: one engine says it for all.
one_engine = pytest.mark.engines("sqlite")


class Command:
    """Runs ``viaduct`` with the configuration of one site."""

    def __init__(self, url: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self.keys = folder / "keys"
        self.capsys = capsys
        self.config = folder / "keystone.conf"
        self.configure(url)

    def configure(self, url: str, extra: str = "") -> None:
        """Write the configuration."""
        self.config.write_text(
            f"[database]\nconnection = {url}\n[viaduct]\nkey_repository = {self.keys}\n"
            f"[credential]\nkey_repository = {self.keys.parent}\n{extra}"
        )

    def run(self, *arguments: str) -> tuple[int, Any]:
        """Exit code and JSON."""
        code = main([*arguments, "--json", "--config-file", str(self.config)])
        return code, json.loads(self.capsys.readouterr().out)

    def init(self, *more: str) -> tuple[int, Any]:
        """``viaduct init`` of the hub."""
        return self.run("init", "--site", "east", "--hub", "east", *more)


@pytest.fixture
def command(keystone_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """A Keystone's database with a record of every kind."""
    engine = sa.create_engine(keystone_url)
    codecs = Codecs(reflect(engine), HexCipher())
    with engine.begin() as connection:
        for kind in codecs.kinds:
            codecs.insert_many(connection, kind, items_of(kind))
    engine.dispose()
    return Command(keystone_url, tmp_path, capsys)


def everything(url: str) -> tuple[set[str], int]:
    """Names of the tables, and how many triggers there are."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        triggers = len(Installer(connection, "viaduct_").status([]))
        names = set(sa.inspect(connection).get_table_names())
    engine.dispose()
    return names, triggers


def test_init_prepares_once_and_says_what_it_did(command: Command) -> None:
    before = everything(command.url)
    code, preview = command.init("--dry-run")
    assert code == 0 and everything(command.url) == before and not command.keys.exists()
    assert preview["tables"] == "created" and preview["keys"] == ["exchange", "storage"]
    assert sum(preview["marked"].values()) == len(WORLD)

    code, done = command.init()
    assert code == 0 and done["marked"] == preview["marked"]
    assert done["triggers"] == preview["triggers"] and done["triggers"]["created"] > 100
    assert len(bytes.fromhex(done["public_key"])) == 32

    code, again = command.init()
    assert (code, again["tables"], again["keys"], again["marked"]) == (0, "current", [], {})
    assert set(again["triggers"].values()) == {0} and again["public_key"] == done["public_key"]
    assert command.run("doctor")[0] == 0


def test_existing_records_are_marked_in_the_order_of_their_references(command: Command) -> None:
    command.init()
    engine = make_engine(command.url)
    store = SqlStore(engine, KeyRing.load(command.keys), Codecs(reflect(engine), HexCipher()))
    marks = store.read(lambda tx: tx.take_marks(1000))
    kinds = list(dict.fromkeys(mark.ref.kind for mark in marks))
    assert kinds == [kind for kind in store.codecs.kinds if kind in kinds]
    assert {mark.ref for mark in marks} == {
        Ref(kind, key) for kind in store.codecs.kinds for key, _ in items_of(kind)
    }
    engine.dispose()


@one_engine
def test_status_counts(command: Command) -> None:
    command.init()
    code, found = command.run("status")
    assert code == 0 and found["site"] == "east" and found["joined"]
    assert found["marks"]["count"] == len(WORLD) and found["records"] == {} and found["head"] == 0
    assert main(["status", "--config-file", str(command.config)]) == 0
    assert "the hub" in command.capsys.readouterr().out


@one_engine
def test_a_site_that_has_numbered_something_keeps_its_name(command: Command) -> None:
    command.init()
    engine = make_engine(command.url)
    store = SqlStore(engine, KeyRing.load(command.keys), Codecs(reflect(engine), HexCipher()))
    store.run(lambda tx: tx.save_state(replace(tx.state(), head=1)))
    engine.dispose()
    before = everything(command.url)
    code, found = command.run("init", "--site", "west", "--hub", "east")
    assert code == 2 and "this database is site east" in found["error"]["message"] and found["error"]["hint"]
    assert everything(command.url) == before


@pytest.mark.parametrize("name", ["", "a#b", "a~b", "x" * 65, "ü"])
def test_a_name_that_no_site_can_have_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = Command("sqlite:////nowhere/at/all.db", tmp_path, capsys)
    code, found = command.run("init", f"--site={name}", "--hub", "east")
    assert code == 2 and found["error"]["code"] == "config.invalid"


def test_a_database_without_keystone_is_left_alone(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_engine(database_url).connect().close()
    code, found = Command(database_url, tmp_path, capsys).init()
    assert code == 2 and "no tables of Keystone" in found["error"]["message"] and found["error"]["hint"]
    assert everything(database_url) == (set(), 0)


@one_engine
def test_doctor_names_records_that_lie_below_themselves(command: Command) -> None:
    """Made by hand, for Keystone's API makes none: it says which, and what can still be done about it."""
    assert command.init()[0] == 0
    engine = sa.create_engine(command.url)
    with engine.begin() as connection:
        for one, other in (("loop-a", "loop-b"), ("loop-b", "loop-a")):
            connection.execute(
                sa.text(
                    "INSERT INTO region (id, description, parent_region_id, extra) VALUES (:a, '', :b, '{}')"
                ),
                {"a": one, "b": other},
            )
        connection.execute(sa.text("UPDATE trust SET redelegated_trust_id = id"))
    engine.dispose()
    code, found = command.run("doctor")
    told = {check["message"]: check["hint"] for check in found["checks"] if check["check"] == "circles"}
    assert code == 1
    assert any("region/loop-a → region/loop-b → region/loop-a" in message for message in told)
    assert any("trust/" in message for message in told) and all(told.values())


def test_doctor_finds_what_is_missing_and_what_is_exposed(command: Command) -> None:
    code, found = command.run("doctor")
    problems = {check["check"] for check in found["checks"] if check["status"] == "problem"}
    assert code == 1 and {"tables", "keys", "capture"} <= problems
    command.init()
    engine = sa.create_engine(command.url)
    with engine.connect() as connection:
        Installer(connection, "viaduct_c_user").prune()
    engine.dispose()
    (command.keys / "storage" / "1").chmod(0o640)
    command.configure(command.url, "[cache]\nbackend = dogpile.cache.memory\n")
    code, found = command.run("doctor")
    worst = {check["check"]: check for check in found["checks"] if check["status"] == "problem"}
    assert code == 1 and worst.keys() == {"keys", "capture", "cache"}
    assert "missing" in worst["capture"]["message"] and all(check["hint"] for check in worst.values())
    (command.keys / "storage" / "1").chmod(0o600)
    command.configure(command.url)
    code, repaired = command.init()
    assert code == 0 and repaired["triggers"]["created"] > 0
    assert command.run("doctor")[0] == 0


@one_engine
def test_doctor_s_exit_code_says_that_a_cache_of_each_process_is_unsafe(command: Command) -> None:
    command.init()
    for backend in ("dogpile.cache.memory", "dogpile.cache.memory_pickle", "oslo_cache.dict"):
        command.configure(command.url, f"[cache]\nenabled = true\nbackend = {backend}\n")
        code, found = command.run("doctor")
        worst = [check for check in found["checks"] if check["status"] == "problem"]
        assert (code, found["ok"], [check["check"] for check in worst]) == (1, False, ["cache"])
        assert backend in worst[0]["message"]
    command.configure(command.url, f"[cache]\nenabled = false\nbackend = {backend}\n")
    assert command.run("doctor")[0] == 0


@one_engine
def test_status_says_how_long_a_spoke_has_been_without_its_hub(command: Command) -> None:
    assert command.run("init", "--site", "west", "--hub", "east")[0] == 0
    command.configure(command.url, "[viaduct]\nrefuse_after = 600\n")
    assert command.run("status")[1]["revocations"] == {"age": None, "refuse_after": 600.0, "refusing": False}
    engine = sa.create_engine(command.url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE viaduct_site SET caught_up = 1000000"))
    engine.dispose()
    found = command.run("status")[1]["revocations"]
    assert found["age"] > 600 and found["refusing"]
    assert main(["status", "--config-file", str(command.config)]) == 0
    assert "tokens are refused here" in command.capsys.readouterr().out


@one_engine
def test_lost_keys_are_not_replaced_behind_ones_back(command: Command) -> None:
    command.init()
    command.keys.rename(command.keys.with_name("elsewhere"))
    code, found = command.init()
    assert code == 2 and "keys are not in" in found["error"]["message"] and not command.keys.exists()


def test_records_that_cannot_travel_are_named_before_the_site_joins(command: Command) -> None:
    """A column of JSON that holds none, written by hand: it is found, and the others are not blamed."""
    engine = sa.create_engine(command.url)
    with engine.begin() as connection:
        key = connection.execute(sa.text("SELECT id FROM service")).scalars().first()
        connection.execute(sa.text("UPDATE service SET extra = '{no json' WHERE id = :id"), {"id": key})
    engine.dispose()
    assert _stuck(command, key), "before anything of this product is there, too"
    code, report = command.init()
    assert code == 0
    (named,) = [text for text in report["stuck"] if text.startswith("service/")]
    assert named.startswith(f"service/{key}: ")
    assert _stuck(command, key)


def _stuck(command: Command, service: str | None) -> bool:
    """Whether `viaduct doctor` says that it can't travel."""
    _, report = command.run("doctor")
    told = [found for found in report["checks"] if found["check"] == "travel"]
    return any(found["message"].startswith(f"service/{service}: ") for found in told)
