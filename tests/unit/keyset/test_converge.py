"""However a repository changes, a reader at any moment finds each key that a token may need."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.sync.keyset.converge import next_writes
from keystone_viaduct.sync.keyset.model import Keyset, Retired

Slots = dict[int, str]


def keyset(staged: str, primary: str, *others: str) -> Keyset:
    """With letters for keys."""
    return Keyset(1, staged, primary, tuple(Retired(other) for other in others))


def holds_exactly(slots: Slots, target: Keyset) -> bool:
    """Whether Keystone would see the target's keys, use its primary one and promote its staged one next."""
    return (
        set(slots.values()) == set(target.keys)
        and slots[max(slots)] == target.primary
        and slots[0] == target.staged
    )


def views(before: Slots, writes: Slots) -> list[Slots]:
    """All that a reader may find who overlaps with the writes: each of them seen or not yet."""
    names = list(writes)
    return [
        {**before, **{name: writes[name] for name, seen in zip(names, mix, strict=True) if seen}}
        for mix in itertools.product((False, True), repeat=len(names))
    ]


def run(slots: Slots, target: Keyset) -> Slots:
    """Converge, checking each step as a reader; returns what is there at the end."""
    first = dict(slots)
    for _ in range(40):
        writes = next_writes(slots, target)
        if not writes:
            return slots
        if slots[max(slots)] != target.primary and writes.get(max(slots)) == target.primary:
            assert target.primary in slots.values(), "a key is used only when all readers can find it"
        must = {slots[max(slots)]} | (set(first.values()) & set(target.keys)) if max(slots) else set()
        for view in views(slots, writes):
            assert must <= set(view.values()), (slots, writes, view)
            if max(slots):
                assert view[max(view)] in (slots[max(slots)], target.primary)
        slots = {**slots, **writes}
    raise AssertionError(f"no end: {slots} to {target}")


LETTERS = "abcdefgh"


@st.composite
def repositories(draw: st.DrawFn) -> Slots:
    """As `fernet_setup`, `fernet_rotate` or an interrupted change leave them: gaps and copies included."""
    numbers = draw(st.sets(st.integers(1, 9), min_size=1, max_size=6))
    found = {number: draw(st.sampled_from(LETTERS)) for number in sorted(numbers)}
    return {0: draw(st.sampled_from(LETTERS)), **found}


@st.composite
def targets(draw: st.DrawFn) -> Keyset:
    """Any keyset."""
    keys = draw(st.lists(st.sampled_from(LETTERS), min_size=2, max_size=6, unique=True))
    return keyset(*keys)


@given(repositories(), targets())
def test_any_repository_comes_to_any_keyset_without_a_reader_missing_a_key(
    slots: Slots, target: Keyset
) -> None:
    old = slots[max(slots)]
    # the key in use stays known until nobody uses it: the hub never drops it in the same step
    kept = target if old in target.keys else keyset(*target.keys, old)
    assert holds_exactly(run(slots, kept), kept)


def test_twenty_rotations_leave_no_more_files_than_keys_need() -> None:
    slots: Slots = {0: "s0", 1: "p"}
    keys = ["p"]
    for number in range(20):
        keys.append(f"s{number}")
        keys = keys[-4:]
        slots = run(slots, keyset(f"s{number + 1}", keys[-1], *keys[:-1]))
    assert len(slots) <= 8


def test_a_step_that_was_interrupted_is_taken_up() -> None:
    target = keyset("n", "s", "p")
    slots: Slots = {0: "s", 1: "p"}
    for _ in range(10):
        writes = next_writes(slots, target)
        if not writes:
            break
        number, key = sorted(writes.items())[0]  # the process dies after the first file
        slots = {**slots, number: key}
    assert holds_exactly(slots, target)


@pytest.mark.parametrize("slots", [{}, {0: "x"}])
def test_an_empty_repository_is_filled_at_once(slots: Slots) -> None:
    target = keyset("s", "p", "q")
    assert holds_exactly({**slots, **next_writes(slots, target)}, target)
