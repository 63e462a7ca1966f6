"""The judge of ``make test-records``: what must be true of a record by what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from tests.records.acts import DELETE, MOVE, Deed, Order
from tests.records.judge import Fates
from tests.records.play import _Site
from tests.records.pool import Made, Pool
from tests.records.rows import Shell

EAST, WEST = "east", "west"


def site(name: str, folder: Path, trusts: Mapping[str, str | None]) -> Any:
    """A site with these trusts, each with the time at which it was deleted."""
    url = f"sqlite:///{folder}/{name}.db"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE trust (id TEXT, deleted_at DATETIME, extra TEXT)"))
        connection.execute(sa.text("CREATE TABLE trust_role (trust_id TEXT, role_id TEXT)"))
        connection.execute(sa.text("CREATE TABLE revocation_event (id INTEGER, audit_id TEXT)"))
        for key, gone in trusts.items():
            connection.execute(
                sa.text("INSERT INTO trust VALUES (:key, :gone, '{}')"), {"key": key, "gone": gone}
            )
            connection.execute(sa.text("INSERT INTO trust_role VALUES (:key, 'r')"), {"key": key})
    engine.dispose()
    return SimpleNamespace(name=name, keystone=SimpleNamespace(database_url=url))


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        ({}, {}, []),
        ({"t": "2026-01-01 00:00:00"}, {"t": "2026-01-01 00:00:00"}, []),
        ({"t": "2026-01-01 00:00:00"}, {"t": None}, ["deleted at east, and still at west"]),
        ({}, {"t": None}, ["deleted at east, and still at west"]),
        ({"t": None}, {"t": None}, ["deleted at east, and still at east, west"]),
    ],
)
def test_a_deleted_trust_is_gone_where_keystone_has_marked_it(
    tmp_path: Path, here: dict[str, str | None], there: dict[str, str | None], told: list[str]
) -> None:
    places = [site(EAST, tmp_path, here), site(WEST, tmp_path, there)]
    made = Made("trust", ("t",), WEST)
    deed = Deed(EAST, Order(DELETE, made, False, ""))
    assert [line.partition(": ")[2] for line in Fates(places, [made], [deed]).unlike(())] == told


def test_a_trust_that_was_made_as_a_deleted_one_is_there(tmp_path: Path) -> None:
    places = [site(EAST, tmp_path, {"t": "2026-01-01 00:00:00"}), site(WEST, tmp_path, {})]
    made = Made("trust", ("t",), WEST), Made("trust", ("u",), WEST)
    (line,) = Fates(places, made, []).unlike(())
    assert "'u'" in line and line.endswith("is nowhere")


def test_what_was_made_once_more_may_be_there_after_it_was_deleted(tmp_path: Path) -> None:
    """A PUT of one site, after the deletion at the other one: the site notes what it made again."""
    places = [site(EAST, tmp_path, {"t": None}), site(WEST, tmp_path, {"t": None})]
    made = Made("trust", ("t",), WEST)
    deed = Deed(EAST, Order(DELETE, made, False, ""))
    maker: Any = _Site.__new__(_Site)
    maker.made, maker.again, maker.pool, maker._addresses = [], [], Pool(), set()
    answers = iter([made, None, made, Made("trust", ("u",), WEST)])
    maker._make = lambda _: next(answers)
    maker.make(None, 2)
    assert [one.key for one in maker.made] == [("t",), ("u",)] and maker.again == [made]
    assert list(Fates(places, [made, *maker.again], [deed]).unlike(())) == []
    assert len(list(Fates(places, [made], [deed]).unlike(()))) == 1


@pytest.mark.parametrize("onto", ["deleted", "kept"])
def test_what_was_moved_below_a_record_may_go_with_it(tmp_path: Path, onto: str) -> None:
    places = [site(EAST, tmp_path, {"k": None}), site(WEST, tmp_path, {"k": None})]
    moved, gone, there = (Made("trust", (key,), WEST) for key in ("t", "d", "k"))
    below = gone if onto == "deleted" else there
    deeds = [
        Deed(WEST, Order(MOVE, moved, True, ""), below),
        Deed(EAST, Order(DELETE, gone, False, "")),
    ]
    lost = list(Fates(places, [moved, gone, there], deeds).unlike(()))
    assert len(lost) == (onto == "kept")


def test_who_deletes_by_hand_leaves_no_part_behind_and_no_event_out(tmp_path: Path) -> None:
    url = site(EAST, tmp_path, {"t": None}).keystone.database_url
    shell = Shell(EAST, url)
    assert shell.delete(Made("trust", ("t",), EAST))
    assert not shell.delete(Made("revocation_event", ("",) * 12, EAST)), "they go by age alone"
    shell.close()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM trust_role")) == 0
    engine.dispose()
