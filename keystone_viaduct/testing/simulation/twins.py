"""What was acknowledged of a record that has become another one, as the judge reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY, TWINNED
from keystone_viaduct.sync.model import Conflict, Ref
from keystone_viaduct.testing.memory import Data
from keystone_viaduct.testing.simulation.cloud import Edit, Ledger
from keystone_viaduct.testing.simulation.releases import present, whole

Listed = Mapping[Ref, list[tuple[str, str]]]


def aliases(listed: Iterable[Conflict], data: Data) -> dict[Ref, Ref]:
    """What each record that the hub has united with another has become, at last.

    An alias says nothing while its record is there: the hub that decided so may have been put back since.
    """
    rows = sorted((row for row in listed if row.ref.kind in TWINNED and row.is_alias), key=lambda row: row.at)
    living = present(data)
    found = {row.ref: Ref(row.ref.kind, row.into) for row in rows if row.ref not in living}
    return {ref: _last(found, ref) for ref in found}


def is_meant(edit: Edit, data: Data, united: Mapping[Ref, Ref], listed: Listed, ledger: Ledger) -> bool:
    """Whether the value stands in the record that this one has become, or names what its target has become,
    or was replaced or listed under another of its ids; or that record went by any of them.
    """
    into = united.get(edit.ref, edit.ref)
    family = {into, *(old for old, new in united.items() if new == into)}
    keys = {old.key: new.key for old, new in united.items()}
    value = _reworded(ast.literal_eval(edit.value), keys)
    told = {(name, _told(text, keys)) for ref in family for name, text in listed.get(ref, [])}
    if len(family) == 1 and repr(value) == edit.value:
        return (edit.field, repr(value)) in told  # listed under the other of two names of its target
    final = whole(data, into)
    if edit.field in REGISTRY[into.kind].key or (edit.field, repr(value)) in told:
        return True
    if final is None:
        return bool(told) or any(gone.ref in family for gone in ledger.deleted)
    same = {(ref, edit.field, edit.value) for ref in family}
    return final.get(edit.field) == value or any(other.what in same for other in ledger.replaced)


def _last(found: Mapping[Ref, Ref], ref: Ref) -> Ref:
    seen: list[Ref] = []
    while ref in found and ref not in seen:
        seen.append(ref)
        ref = found[ref]
    # two hubs have united them, each the other way round, and both are gone: either name will do
    return min(seen[seen.index(ref) :]) if ref in seen else ref


def _told(text: str, keys: Mapping[str, str]) -> str:
    try:
        return repr(_reworded(ast.literal_eval(text), keys))
    except ValueError:
        return text  # (a number that is none names nothing)


def _reworded(value: Any, keys: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        items = [_reworded(item, keys) for item in value]
        return sorted(set(items)) if all(isinstance(item, str) for item in items) else items
    if isinstance(value, str):
        for old, new in keys.items():
            value = new if value == old else value.replace(f'"{old}"', f'"{new}"')
    return value
