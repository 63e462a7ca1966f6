"""What every :class:`~keystone_viaduct.cassandra.records.ports.Tables` promises. Subclass it with
``tables``.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from keystone_viaduct.cassandra.records.ports import Claim, Event, Held, Row, Stored, Tables, Write

KIND = "role"


def key() -> str:
    """A key that nobody has."""
    return uuid.uuid4().hex


def name() -> Claim:
    """A name that nobody has."""
    return Claim("role.name", "", uuid.uuid4().hex)


class TablesSuite:
    """Each test takes the fixture ``tables``, which need not be empty."""

    def test_where_nothing_ever_was_the_revision_is_zero(self, tables: Tables) -> None:
        for serial in (False, True):
            assert tables.read(KIND, key(), serial=serial) == Stored()

    def test_a_write_is_made_on_exactly_the_revision_it_expects(self, tables: Tables) -> None:
        place = key()
        first = Write(0, 7, ("a",), put={"name": '"x"', "extra.Ü": "1"})
        assert tables.write(KIND, place, first)
        assert not tables.write(KIND, place, first), "it expects nothing to be there"
        assert not tables.write(KIND, place, Write(6, 9, ("b",), put={"name": '"y"'}))
        assert tables.read(KIND, place, serial=True) == Stored(7, ("a",), False, dict(first.put))
        assert tables.write(KIND, place, Write(7, 9, ("b", "a"), put={"name": '"z"'}, drop=["extra.Ü"]))
        assert tables.read(KIND, place) == Stored(9, ("b", "a"), False, {"name": '"z"'})

    def test_a_grave_keeps_the_revision_and_no_field(self, tables: Tables) -> None:
        place = key()
        assert tables.write(KIND, place, Write(0, 7, ("a",), put={"name": '"x"', "n": "1"}))
        assert tables.write(KIND, place, Write(7, 8, ("b", "a"), gone=True))
        assert tables.read(KIND, place, serial=True) == Stored(8, ("b", "a"), True, {})
        assert not tables.write(KIND, place, Write(0, 9, (), put={"name": '"y"'})), (
            "it is not as if nothing was"
        )
        assert tables.write(KIND, place, Write(8, 9, ("c",), put={"name": '"y"'}))
        assert tables.read(KIND, place) == Stored(9, ("c",), False, {"name": '"y"'}), "and nothing of before"

    def test_a_fence_changes_the_revision_alone(self, tables: Tables) -> None:
        place = key()
        assert tables.write(KIND, place, Write(0, 7, ("a",), put={"name": '"x"'}))
        assert tables.write(KIND, place, Write(7, 12, ("a",)))
        assert tables.read(KIND, place, serial=True) == Stored(12, ("a",), False, {"name": '"x"'})

    def test_of_many_writers_on_one_revision_one_succeeds(self, tables: Tables) -> None:
        place = key()
        writes = [Write(0, 5, (f"w{number}",), put={"name": f'"{number}"'}) for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda write: tables.write(KIND, place, write), writes))
        assert made.count(True) == 1
        winner = writes[made.index(True)]
        assert tables.read(KIND, place, serial=True) == Stored(5, winner.trail, False, dict(winner.put))

    def test_many_are_read_and_those_that_are_not_there_left_out(self, tables: Tables) -> None:
        alive, gone = key(), key()
        assert tables.write(KIND, alive, Write(0, 1, (), put={"name": '"x"'}))
        assert tables.write(KIND, gone, Write(0, 2, (), gone=True))
        found = tables.read_many(KIND, [alive, key(), gone])
        assert found == {alive: Stored(1, (), False, {"name": '"x"'}), gone: Stored(2, (), True, {})}
        assert tables.read_many(KIND, []) == {}

    def test_a_record_of_many_fields_is_whole(self, tables: Tables) -> None:
        place = key()
        fields = {f"f{number:04}": str(number) for number in range(6000)}
        for revision, begin in enumerate(range(0, 6000, 1500)):
            part = dict(list(fields.items())[begin : begin + 1500])
            assert tables.write(KIND, place, Write(revision, revision + 1, (), put=part))
        assert tables.read(KIND, place).fields == fields

    def test_a_name_is_claimed_by_one(self, tables: Tables) -> None:
        wanted, other = Held("u1", 0), Held("u2", 5)
        claim = name()
        assert tables.claimed(claim) is None
        assert tables.claim(claim, wanted) == wanted
        assert tables.claim(claim, other) == wanted, "who has it"
        assert tables.claimed(claim) == wanted
        assert tables.claim(Claim(claim.rule, "other", claim.name), other) == other, "elsewhere it is free"

    def test_names_are_exact_code_points(self, tables: Tables) -> None:
        claim = name()
        for number, text in enumerate(
            (claim.name, claim.name.upper() + "U", claim.name + " ", "", "é", "e\u0301")
        ):
            mine = Held(f"u{number}", 0)
            found = tables.claim(Claim(claim.rule, claim.name, text), mine)
            assert found == mine

    def test_exactly_the_claim_that_was_seen_is_replaced(self, tables: Tables) -> None:
        claim, held = name(), Held("u1", 4)
        tables.claim(claim, held)
        assert not tables.reclaim(claim, Held("u1", 3), Held("u2", 0))
        assert not tables.reclaim(claim, Held("u3", 4), Held("u2", 0))
        assert tables.reclaim(claim, held, Held("u1", 6))
        assert not tables.reclaim(claim, held, Held("u2", 0)), "it was renewed since"
        assert tables.claimed(claim) == Held("u1", 6)
        assert not tables.reclaim(name(), held, Held("u2", 0)), "there is none"

    def test_a_claim_is_freed_by_its_owner_below_a_revision(self, tables: Tables) -> None:
        claim = name()
        tables.claim(claim, Held("u1", 4))
        assert not tables.unclaim(claim, "u2", 9)
        assert not tables.unclaim(claim, "u1", 4), "renewed by one who has read that revision"
        assert tables.unclaim(claim, "u1", 5)
        assert not tables.unclaim(claim, "u1", 5)
        assert tables.claimed(claim) is None
        assert tables.claim(claim, Held("u2", 0)) == Held("u2", 0)

    def test_rows_come_by_bucket_in_order_of_key(self, tables: Tables) -> None:
        target = key()
        rows = [Row("domain", target, each[:1], each, f"n{each}") for each in ("a1", "a2", "b1", "a3", "c9")]
        tables.list_put(KIND, rows, 3)
        tables.list_put(KIND, [Row("domain", key(), "a", "a0"), Row("other", target, "a", "a0")], 3)
        pages = tables.list_pages(KIND, "domain", target, ["a", "b", "x"], "", 10)
        assert pages == [[rows[0], rows[1], rows[3]], [rows[2]], []]
        assert tables.list_pages(KIND, "domain", target, ["a", "b"], "a1", 1) == [[rows[1]], [rows[2]]]

    def test_a_row_is_there_as_its_highest_revision_says_in_whatever_order_they_came(
        self, tables: Tables
    ) -> None:
        target = key()
        row = Row("domain", target, "", "a1", "x")

        def there() -> bool:
            return tables.list_pages(KIND, "domain", target, [""], "", 5) == [[row]]

        tables.list_put(KIND, [row], 7)
        tables.list_drop(KIND, [row], 6)
        assert there(), "taken away at an earlier revision"
        tables.list_drop(KIND, [row], 8)
        assert not there()
        tables.list_put(KIND, [row], 7)
        tables.list_put(KIND, [row], 8)
        assert not there(), "of one revision, what is taken away stays away"
        tables.list_put(KIND, [row], 9)
        assert there()
        tables.list_put(KIND, [row], 9)
        assert there(), "twice is as once"

    def test_one_key_may_have_rows_of_several_hints(self, tables: Tables) -> None:
        target = key()
        rows = [Row("domain", target, "", "a1", "x"), Row("domain", target, "", "a1", "y")]
        tables.list_put(KIND, rows, 3)
        tables.list_drop(KIND, rows[:1], 4)
        assert tables.list_pages(KIND, "domain", target, [""], "", 5) == [rows[1:]]

    def test_of_what_was_noted_the_latest_counts(self, tables: Tables) -> None:
        place = key()
        assert tables.noted("activity", [place]) == {}
        tables.note("activity", place, "second", 7)
        tables.note("activity", place, "first", 6)
        assert tables.noted("activity", [key(), place]) == {place: "second"}

    def test_events_are_found_at_their_places_from_a_time_on(self, tables: Tables) -> None:
        first, second = key(), key()
        events = [Event(first, at, f"e{at}", f"v{at}") for at in (1, 2, 3)] + [Event(second, 9, "e", "v")]
        tables.event_put("revocation", events, 3600)
        assert tables.events("revocation", [second, first, key()], 2) == [events[3], *events[1:3]]
