"""Conflicts, field by field, and what a decision about one will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keystone_viaduct.dashboard.state import Listed
from keystone_viaduct.dashboard.view.survey import name_of
from keystone_viaduct.dashboard.view.words import count, shown
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Rename

KEEP, RESTORE, WITHDRAW = "keep", "restore", "withdraw"
ACTIONS = (KEEP, RESTORE, WITHDRAW)
#: Of the list of conflicts: a field that stands for the whole record; a sort about which nothing was lost.
DELETED, JUDGED = "@deleted", "judged"
_SECRET = "(kept, never shown)"
_ABSENT = "(not there)"


class Side(NamedTuple):
    """One field on both sides. ``differs``: the two are not alike; ``is_lost``: it is part of what lost."""

    name: str
    now: str
    lost: str
    differs: bool
    is_lost: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """A conflict with the record as it stands: ``sides`` are the fields in question, in the order in which
    people look, ``rest`` the others.

    ``there``: whether the hub has the record now. ``actions`` are those that make sense; ``state`` is a word.
    """

    conflict: Listed
    sides: tuple[Side, ...]
    rest: tuple[Side, ...]
    there: bool
    actions: tuple[str, ...]
    state: str
    name: str
    digest: str


def state_of(conflict: Listed) -> str:
    """As the command line says it."""
    if conflict.sort == JUDGED and conflict.resolution == "restored":
        return "withdrawn"
    return conflict.resolution or ("open" if conflict.open else "decided")


def explained(conflict: Listed, detail: Mapping[str, Any], record: Mapping[str, Any] | None) -> Explained:
    """``detail`` is the API's conflict, ``record`` the record at the hub, None where it is not there."""
    lost = _values(detail.get("lost"), detail.get("raw"), detail.get("lost_secrets"))
    now: dict[str, str] = {}
    there = record is not None and not record.get("deleted")
    if record is not None and there:
        now = _values(record.get("document"), record.get("raw"), record.get("secret"))
    named = [name for name in conflict.fields if name != DELETED]
    asked = list(dict.fromkeys([*named, *sorted(name for name in lost if name not in named)]))
    sides = tuple(_side(name, now, lost, is_lost=True) for name in asked)
    rest = tuple(_side(name, now, lost, is_lost=False) for name in sorted(now) if name not in asked)
    name = name_of(now) or name_of(lost) or conflict.name
    digest = str(record.get("digest", "")) if record is not None else ""
    actions = _actions(conflict, bool(lost))
    return Explained(conflict, sides, rest, there, actions, state_of(conflict), name, digest)


def _side(name: str, now: Mapping[str, str], lost: Mapping[str, str], *, is_lost: bool) -> Side:
    here, there = now.get(name, _ABSENT), lost.get(name, _ABSENT if is_lost else "")
    return Side(name, here, there, is_lost and here != there, is_lost)


def _values(plain: Any, raw: Any, secrets: Any) -> dict[str, str]:
    found = {str(name): shown(value) for name, value in plain.items()} if isinstance(plain, Mapping) else {}
    if isinstance(raw, Mapping):
        found |= {str(name): shown(str(text)) for name, text in raw.items()}
    if isinstance(secrets, Sequence) and not isinstance(secrets, str):
        found |= {str(name): _SECRET for name in secrets}
    return found


def _actions(conflict: Listed, has_lost: bool) -> tuple[str, ...]:
    if conflict.resolution:
        return ()
    if conflict.sort == JUDGED:
        return (KEEP, WITHDRAW)
    fields = [name for name in conflict.fields if name != DELETED]
    return (KEEP, RESTORE) if has_lost or fields else (KEEP,)


class Effect(NamedTuple):
    """One thing that an action will do: a field with its value now and afterwards, or a sentence."""

    what: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an action will do, before anybody is asked to confirm it."""

    action: str
    verb: str
    summary: str
    effects: tuple[Effect, ...]
    irreversible: str = ""


def preview(found: Explained, action: str, name: str, spokes: int) -> Preview:
    """``name``: under which the record is restored ('' for its own); ``spokes`` will hear of it."""
    they = "it" if spokes == 1 else "they"
    told = f"{count(spokes, 'site')} will hear of it within seconds, or when {they} can be reached again."
    what = f"{found.conflict.kind} {found.name or found.conflict.key}"
    if action == KEEP:
        summary = f"Nothing changes in {what}. The conflict leaves the list of open ones."
        return Preview(action, "Keep", summary, (), "What lost is dropped for good after its retention.")
    if action == WITHDRAW:
        fields = tuple(Effect(name) for name in found.conflict.fields)
        return Preview(
            action, "Withdraw", f"What {found.conflict.site} has made of {what} is taken back. {told}", fields
        )
    return Preview(action, "Restore", f"{_restoring(found, what)} {told}", _restored(found, name))


def _restoring(found: Explained, what: str) -> str:
    if not found.there:
        return f"{what} is made again from what is kept."
    return f"What {found.conflict.site} had said of {what} comes back."


def _restored(found: Explained, name: str) -> tuple[Effect, ...]:
    """As the API does it: the fields of the conflict, or the whole record where it is gone."""
    fields = [side for side in found.sides if side.is_lost]
    if found.there:
        fields = [side for side in fields if side.name in found.conflict.fields]
    effects = [Effect(side.name, side.now, side.lost) for side in fields if side.differs]
    if name:
        field = _named_by(found.conflict.kind)
        effects = [effect for effect in effects if effect.what != field]
        now = next((side.now for side in (*found.sides, *found.rest) if side.name == field), _ABSENT)
        effects.insert(0, Effect(field, now, name))
    return tuple(effects)


def _named_by(kind: str) -> str:
    """The field that another name goes to."""
    rename = REGISTRY[kind].rename if kind in REGISTRY else None
    return rename.field if isinstance(rename, Rename) else "name"
