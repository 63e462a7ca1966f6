"""What one request remembers, for how long, and for whom."""

from __future__ import annotations

import contextvars
import datetime
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keystone.common.driver_hints import Hints

from keystone_viaduct.drivers import memo
from keystone_viaduct.drivers.memo import MISSING, Memo, Unkeepable, freeze

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_outside_of_a_request_there_is_no_memo() -> None:
    assert memo.current() is None
    with memo.request() as remembered:
        assert memo.current() is remembered
    assert memo.current() is None


@given(plain)
def test_an_answer_comes_back_equal_and_each_time_as_objects_of_its_own(answer: Any) -> None:
    remembered = Memo()
    remembered.keep(("g", 1), {"answer": answer}, [])
    first, second = (remembered.recall(("g", 1), []) for _ in range(2))
    assert first == second == {"answer": answer}
    assert first is not second


@given(plain, plain)
def test_frozen_arguments_are_equal_for_equal_arguments_only(one: Any, other: Any) -> None:
    def typed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: typed(part) for key, part in value.items()}
        return [typed(part) for part in value] if isinstance(value, list) else (type(value), value)

    assert hash(freeze(one)) == hash(freeze(one))
    assert (freeze(one) == freeze(other)) == (typed(one) == typed(other))


def test_a_changed_answer_does_not_change_the_memory() -> None:
    remembered = Memo()
    answer = {"roles": ["a"]}
    remembered.keep(("g", 1), answer, [])
    answer["roles"].append("b")
    remembered.recall(("g", 1), [])["roles"].append("c")
    assert remembered.recall(("g", 1), []) == {"roles": ["a"]}


def test_none_is_an_answer() -> None:
    remembered = Memo()
    assert remembered.recall(("g", 1), []) is MISSING
    remembered.keep(("g", 1), None, [])
    assert remembered.recall(("g", 1), []) is None


def test_objects_of_the_driver_are_not_kept() -> None:
    remembered = Memo()
    remembered.keep(("g", 1), [threading.Lock()], [])
    remembered.keep(("g", 2), [Hints()], [])
    assert remembered.recall(("g", 1), []) is MISSING
    assert remembered.recall(("g", 2), []) is MISSING


def test_arguments_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(Unkeepable):
        freeze([object()])


def test_hints_are_compared_by_what_they_ask_for() -> None:
    def asking(value: str) -> Hints:
        hints = Hints()
        hints.add_filter("name", value)
        return hints

    assert freeze(asking("a")) == freeze(asking("a"))
    assert freeze(asking("a")) != freeze(asking("b"))


def test_an_answer_from_memory_does_to_the_hints_what_the_driver_did() -> None:
    remembered = Memo()
    first = Hints()
    first.add_filter("name", "a")
    first.filters.clear()
    first.set_limit(1, truncated=True)
    remembered.keep(("g", 1), ["answer"], [first])
    second = Hints()
    second.add_filter("name", "a")
    assert remembered.recall(("g", 1), [second]) == ["answer"]
    assert second.filters == []
    assert second.limit == {"limit": 1, "truncated": True}


def test_the_oldest_answers_go_when_there_are_too_many() -> None:
    remembered = Memo(entries=2)
    for number in range(3):
        remembered.keep(("g", number), number, [])
    assert [remembered.recall(("g", number), []) for number in range(3)] == [MISSING, 1, 2]


def test_the_oldest_answers_go_when_they_are_too_large() -> None:
    remembered = Memo(size=1000)
    remembered.keep(("g", 1), "x" * 600, [])
    remembered.keep(("g", 2), "y" * 600, [])
    remembered.keep(("g", 3), "z" * 2000, [])
    assert remembered.recall(("g", 1), []) is MISSING
    assert remembered.recall(("g", 3), []) is MISSING
    remembered.keep(("g", 4), "small", [])
    assert remembered.recall(("g", 4), []) == "small"


def test_a_write_forgets_its_group_and_nothing_else() -> None:
    with memo.request() as remembered:
        remembered.keep(("users", 1), "u", [])
        remembered.keep(("roles", 1), "r", [])
        with remembered.writing("users"):
            assert memo.current() is None
        assert memo.current() is remembered
        assert remembered.recall(("users", 1), []) is MISSING
        assert remembered.recall(("roles", 1), []) == "r"


def test_a_write_that_fails_forgets_too() -> None:
    with memo.request() as remembered:
        remembered.keep(("users", 1), "u", [])
        with pytest.raises(ValueError), remembered.writing("users"):
            raise ValueError
        assert remembered.recall(("users", 1), []) is MISSING


def test_code_around_the_drivers_can_forget_everything() -> None:
    memo.forget()
    with memo.request() as remembered:
        remembered.keep(("users", 1), "u", [])
        memo.forget()
        assert remembered.recall(("users", 1), []) is MISSING


def test_another_thread_has_no_part_in_the_request_even_with_its_context() -> None:
    seen: list[Memo | None] = []
    with memo.request():
        inherited = contextvars.copy_context()
        for target in (lambda: seen.append(memo.current()), lambda: seen.append(inherited.run(memo.current))):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert seen == [None, None]


def test_greenlets_have_requests_of_their_own() -> None:
    greenlet = pytest.importorskip("greenlet")
    seen: list[bool] = []

    def serve() -> None:
        with memo.request() as mine:
            main.switch()
            seen.append(memo.current() is mine)

    main = greenlet.getcurrent()
    one, other = greenlet.greenlet(serve), greenlet.greenlet(serve)
    one.switch()
    other.switch()
    seen.append(memo.current() is None)
    one.switch()
    other.switch()
    assert seen == [True, True, True]


def test_dates_are_kept_as_they_are() -> None:
    remembered = Memo()
    answer = {"at": datetime.datetime(2030, 1, 2, 3, 4, 5, 6), "day": datetime.date(2030, 1, 2)}
    remembered.keep(("g", 1), answer, [])
    assert remembered.recall(("g", 1), []) == answer
