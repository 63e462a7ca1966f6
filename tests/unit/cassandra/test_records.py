"""What changes of records promise, with one client, and with one that died after each of its steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from keystone_viaduct.cassandra.records import NameTaken, Records
from keystone_viaduct.cassandra.records.ports import Claim, Held, Row, Stored, Write
from keystone_viaduct.clock import ManualClock
from keystone_viaduct.errors import OutcomeUnknown, StoreBusy
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.cassandra.stepping import (
    Crashed,
    Perform,
    Stepping,
    dying_after,
    interrupted,
    patient,
)
from tests.unit.cassandra.roster import SHAPE, Exists, Missing, alter, check, create, delete, living


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


def client(tables: MemoryTables, step: Callable[[str, Perform], object] | None = None) -> Records:
    """One client of these tables."""
    return Records(tables if step is None else Stepping(tables, step), backoff=patient())


def test_a_record_is_found_by_key_by_name_and_where_it_is_listed(tables: MemoryTables) -> None:
    records = client(tables)
    create(records, "a1", "x")
    create(records, "b2", "y", "other")
    expected = {"name": "x", "domain_id": "d", "count": 0}
    assert records.get(SHAPE, "a1") == expected
    assert records.named(SHAPE, "name", "d", "x") == ("a1", expected)
    assert records.named(SHAPE, "name", "d", "y") is None
    assert dict(records.list(SHAPE, "domain", "d")) == {"a1": expected}
    assert [key for key, _ in records.list(SHAPE, "all")] == ["a1", "b2"]
    assert [key for key, _ in records.list(SHAPE, "all", wanted=lambda hint: hint == "y")] == ["b2"]
    assert list(records.get_many(SHAPE, ["b2", "c3", "a1", "b2"])) == ["b2", "a1"]
    assert records.get(SHAPE, "c3") is None


def test_a_name_belongs_to_one_record_until_it_is_given_up(tables: MemoryTables) -> None:
    records = client(tables)
    create(records, "a1", "x")
    create(records, "a2", "x", "other")
    with pytest.raises(NameTaken) as taken:
        create(records, "b1", "x")
    assert taken.value.owner == "a1"
    create(records, "b1", "y")
    with pytest.raises(NameTaken):
        alter(records, "b1", name="x")
    alter(records, "a1", name="z")
    alter(records, "b1", name="x")
    delete(records, "b1")
    create(records, "c1", "x")
    check(tables)
    assert tables.claimed(Claim("role.name", "d", "y")) is None, "names given up are freed"


def test_what_decides_may_refuse_and_then_nothing_is_changed(tables: MemoryTables) -> None:
    records = client(tables)
    create(records, "a1", "x")
    before = dict(tables.partitions)
    with pytest.raises(Exists):
        create(records, "a1", "y")
    with pytest.raises(Missing):
        delete(records, "b1")
    assert tables.partitions == before


def test_a_change_that_changes_nothing_takes_no_step_but_reading(tables: MemoryTables) -> None:
    create(client(tables), "a1", "x")
    taken: list[str] = []

    def step(name: str, perform: Perform) -> object:
        taken.append(name)
        return perform()

    client(tables, step).change(SHAPE, "a1", lambda before: dict(before or {}))
    assert taken == ["read"]


def test_what_was_deleted_leaves_a_revision_that_goes_on_rising(tables: MemoryTables) -> None:
    clock = ManualClock()
    records = Records(tables, clock, patient())
    create(records, "a1", "x")
    delete(records, "a1")
    grave = tables.read("role", "a1").revision
    clock.advance(-(10**9))
    create(records, "a1", "x")
    assert tables.read("role", "a1").revision > grave, "though the clock went back"
    assert records.get(SHAPE, "a1") is not None
    check(tables)


class Late(MemoryTables):
    """Plain reads see nothing of what was written: a replica that lags behind."""

    def read(self, kind: str, key: str, *, serial: bool = False) -> Stored:
        return super().read(kind, key) if serial else Stored()


def test_nothing_is_decided_on_a_read_that_may_be_old() -> None:
    tables = Late()
    create(client(tables), "a1", "x")
    alter(client(tables), "a1", name="y")
    with pytest.raises(Exists):
        create(client(tables), "a1", "z")
    with pytest.raises(NameTaken):
        create(client(tables), "b1", "y")
    delete(client(tables), "a1")
    check(tables)
    assert living(tables) == {}


METHODS: dict[str, Callable[[Records], None]] = {
    "create": lambda records: create(records, "new", "free"),
    "create under a name whose claim is void": lambda records: create(records, "new", "void"),
    "update": lambda records: alter(records, "old"),
    "rename": lambda records: alter(records, "old", name="free"),
    "rename to a name whose claim is void": lambda records: alter(records, "old", name="void"),
    "move": lambda records: alter(records, "old", domain_id="other"),
    "delete": lambda records: delete(records, "old"),
}


def prepared() -> MemoryTables:
    """A record, and a name that somebody claimed who died before he had it."""
    tables = MemoryTables()
    create(client(tables), "old", "first")
    tables.claim(Claim("role.name", "d", "void"), Held("dead", 0))
    return tables


def steps_of(method: str) -> int:
    """How many steps it has."""
    taken = 0

    def step(_name: str, perform: Perform) -> object:
        nonlocal taken
        taken += 1
        return perform()

    METHODS[method](client(prepared(), step))
    return taken


CRASHES = [(method, number) for method in METHODS for number in range(steps_of(method) + 1)]


@pytest.mark.parametrize(("method", "number"), CRASHES)
def test_after_a_crash_at_any_step_another_client_does_the_same_and_all_holds(
    method: str, number: int
) -> None:
    tables = prepared()
    try:
        METHODS[method](client(tables, dying_after(number)))
    except Crashed:
        pass
    check(tables)
    second = client(tables)
    try:
        METHODS[method](second)
    except (Exists, Missing, NameTaken):
        assert living(tables).keys() != prepared().partitions.keys() or method.startswith("rename")
    check(tables)


@pytest.mark.parametrize(("method", "number"), CRASHES)
def test_after_a_crash_at_any_step_another_record_takes_each_name_that_is_free(
    method: str, number: int
) -> None:
    tables = prepared()
    try:
        METHODS[method](client(tables, dying_after(number)))
    except Crashed:
        pass
    used = {fields["name"] for fields in living(tables).values() if fields["domain_id"] == "d"}
    second = client(tables)
    for position, name in enumerate(("first", "free", "void")):
        if name in used:
            with pytest.raises(NameTaken):
                create(second, f"other{position}", name)
        else:
            create(second, f"other{position}", name)
        check(tables)
    for key in ("old", "new"):
        if key in living(tables):
            alter(second, key)
    check(tables)


def paused_before(tables: MemoryTables, stop: str, meanwhile: Callable[[], None]) -> Records:
    """A client that pauses before its first step of that name, while something else is done."""
    return client(tables, interrupted(stop, meanwhile))


def test_a_writer_that_paused_between_claim_and_record_fails_when_its_name_was_taken(
    tables: MemoryTables,
) -> None:
    paused = paused_before(tables, "list_put", lambda: create(client(tables), "b1", "x"))
    with pytest.raises(NameTaken) as taken:
        create(paused, "a1", "x")
    assert taken.value.owner == "b1"
    assert living(tables).keys() == {"b1"}
    check(tables)


def test_a_slow_clean_up_frees_no_name_that_was_taken_again(tables: MemoryTables) -> None:
    create(client(tables), "a1", "x")

    def back() -> None:
        alter(client(tables), "a1", name="x")

    alter(paused_before(tables, "unclaim", back), "a1", name="y")
    assert living(tables)["a1"]["name"] == "x"
    check(tables)


def test_a_slow_clean_up_hides_no_record_that_has_come_back(tables: MemoryTables) -> None:
    create(client(tables), "a1", "x")

    def back() -> None:
        alter(client(tables), "a1", domain_id="d")

    alter(paused_before(tables, "list_drop", back), "a1", domain_id="other")
    assert [key for key, _ in client(tables).list(SHAPE, "domain", "d")] == ["a1"]
    check(tables)


def test_an_update_that_began_before_a_delete_does_not_bring_the_record_back(tables: MemoryTables) -> None:
    create(client(tables), "a1", "x")
    with pytest.raises(Missing):
        alter(paused_before(tables, "write", lambda: delete(client(tables), "a1")), "a1")
    assert living(tables) == {}


def losing(number: int, applied: bool) -> Callable[[str, Perform], object]:
    """The answer of the first ``number`` conditional writes is lost; each was applied, or not."""
    left = number

    def step(name: str, perform: Perform) -> object:
        nonlocal left
        if name == "write" and left:
            left -= 1
            if applied:
                perform()
            raise OutcomeUnknown("lost")
        return perform()

    return step


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("number", [1, 3])
def test_a_change_whose_answer_was_lost_is_made_exactly_once(
    tables: MemoryTables, number: int, applied: bool
) -> None:
    create(client(tables), "a1", "x")
    alter(client(tables, losing(number, applied)), "a1")
    assert living(tables)["a1"]["count"] == 1
    create(client(tables, losing(number, applied)), "b1", "y")
    delete(client(tables, losing(number, applied)), "b1")
    check(tables)


@pytest.mark.parametrize("later", [1, 7])
def test_a_change_whose_answer_was_lost_is_recognised_under_later_ones(
    tables: MemoryTables, later: int
) -> None:
    create(client(tables), "a1", "x")

    def step(name: str, perform: Perform) -> object:
        result = perform()
        if name == "write":
            for _ in range(later):
                alter(client(tables), "a1")
            raise OutcomeUnknown("lost")
        return result

    alter(client(tables, step), "a1")
    assert living(tables)["a1"]["count"] == 1 + later


def test_where_too_many_changes_followed_the_outcome_is_called_unknown(tables: MemoryTables) -> None:
    create(client(tables), "a1", "x")

    def step(name: str, perform: Perform) -> object:
        if name != "write":
            return perform()
        for _ in range(8):
            alter(client(tables), "a1")
        raise OutcomeUnknown("lost")

    with pytest.raises(OutcomeUnknown):
        alter(client(tables, step), "a1")


def test_a_record_that_others_change_all_the_time_is_given_up_on_at_the_deadline(
    tables: MemoryTables,
) -> None:
    create(client(tables), "a1", "x")

    def step(name: str, perform: Perform) -> object:
        if name == "write":
            alter(client(tables), "a1")
        return perform()

    with pytest.raises(StoreBusy):
        alter(Records(Stepping(tables, step), backoff=patient(5)), "a1")


def test_rows_that_no_record_confirms_are_not_shown(tables: MemoryTables) -> None:
    records = client(tables)
    create(records, "a1", "x")
    dangling = [
        Row("domain", "d", "b", "b1"),
        Row("domain", "d", "a", "a1", "old"),
        Row("domain", "other", "a", "a1"),
        Row("all", "", "", "a1", "old"),
    ]
    tables.list_put("role", dangling, 10**18)
    tables.write("role", "b1", Write(0, 1, (), gone=True))
    assert [key for key, _ in records.list(SHAPE, "domain", "d")] == ["a1"]
    assert list(records.list(SHAPE, "domain", "other")) == []
    assert [key for key, _ in records.list(SHAPE, "all")] == ["a1"]
    assert list(records.list(SHAPE, "all", wanted=lambda hint: hint == "old")) == []


@pytest.mark.parametrize("path", ["all", "domain"])
def test_a_listing_comes_in_order_of_key_by_pages_and_after_a_marker(tables: MemoryTables, path: str) -> None:
    records = client(tables)
    keys = sorted(
        [f"{number * 7919 % 65536:04x}" for number in range(450)] + ["default", "Zed", "<<x>>", "ö", "zz"]
    )
    for key in keys:
        create(records, key, key)
    target = "d" if path == "domain" else ""
    assert [key for key, _ in records.list(SHAPE, path, target)] == keys
    for after in ("", "0", keys[3], "Zed", "default", "zz", "ö"):
        expected = [key for key in keys if key > after]
        found = [key for key, _ in records.list(SHAPE, path, target, after=after, limit=7)]
        assert found == expected
    many = [Row(path, target, "" if path == "all" else "0", keys[0], f"h{n:04}") for n in range(900)]
    tables.list_put("role", many, 10**18)
    assert [key for key, _ in records.list(SHAPE, path, target)] == keys, "and one key with many stale rows"
