"""Brings a key repository to a keyset while Keystone reads it; pure decisions.

Keystone lists the folder and then reads file by file, for every token (``common/fernet_utils.py``). A reader
that began before a change and ends after it must still find every key that it may need, and no file that it
has listed may vanish. So files are only added or replaced, never removed; before a key loses its file it
stands in another one for a while; and the steps of one change come some time apart, longer than a reader
takes.
"""

from __future__ import annotations

from collections.abc import Mapping

from keystone_viaduct.sync.keyset.model import Keyset

STAGED = 0


def next_writes(slots: Mapping[int, str], target: Keyset) -> dict[int, str]:
    """What may be written now (number -> key), nothing when the repository holds exactly ``target``.

    To be called again, with what is there then, after the writes have settled.
    """
    top = max(slots, default=0)
    if top == STAGED:  # an empty repository, or one that has no key in use yet
        return dict(enumerate((target.staged, *(other.key for other in target.others), target.primary)))
    primary = slots[top]
    changing = {
        number for number, key in ((top, target.primary), (STAGED, target.staged)) if slots.get(number) != key
    }
    homes = _homes(slots, top, changing)
    needed = {*target.keys, primary}
    if STAGED in changing and target.staged not in slots.values():
        needed.discard(target.staged)  # it is new, and written there in the end
    homeless = [key for key in dict.fromkeys((primary, *target.keys)) if key in needed and key not in homes]
    if homeless:
        return _house(slots, top, {homes[key] for key in needed if key in homes}, homeless)
    if primary != target.primary:
        return {top: target.primary}
    if STAGED in changing:
        return {STAGED: target.staged}
    return {number: primary for number, key in slots.items() if key not in set(target.keys)}


def _homes(slots: Mapping[int, str], top: int, changing: set[int]) -> dict[str, int]:
    """Key -> the one file where it is meant to stay: none that something else is about to take."""
    homes: dict[str, int] = {}
    for number in (STAGED, top, *sorted(slots)):
        if number in slots and number not in changing:
            homes.setdefault(slots[number], number)
    return homes


def _house(slots: Mapping[int, str], top: int, kept: set[int], homeless: list[str]) -> dict[int, str]:
    """Give them files of their own below the key in use: new ones, or those of keys that nobody needs."""
    free = [number for number in range(1, top) if number not in kept]
    if len(free) >= len(homeless):
        return dict(zip(free, homeless, strict=False))
    # No room: let the key in use stand once more, higher, and use the numbers in between.
    return {top + len(homeless) - len(free): slots[top]}
