"""What ``viaduct kinds`` shows: every declaration as plain data."""

from __future__ import annotations

from collections.abc import Iterable

from .model import Kind
from .registry import REGISTRY
from .shape import Shape
from .value import JSON


def describe(kinds: Iterable[Kind] | None = None) -> list[dict[str, JSON]]:
    """One dictionary per kind, in the registry's order, ready for JSON."""
    return [_described(kind) for kind in (REGISTRY.values() if kinds is None else kinds)]


def _described(kind: Kind) -> dict[str, JSON]:
    return {
        "name": kind.name,
        "tables": list(kind.tables),
        "key": list(kind.key) or ["issued_before", "digest"],
        "fields": _fields(kind),
        "natural_keys": [
            {
                "name": natural.name,
                "fields": list(natural.fields),
                "each": natural.each or None,
                "enforced": natural.enforced,
                "unites": natural.unites,
            }
            for natural in kind.natural
        ],
        "references": [
            {
                "field": reference.field,
                "kind": reference.target,
                "mode": reference.mode.value,
                "foreign_key": reference.foreign_key,
                "guards": reference.guards,
                "external": reference.external,
                "unchecked": reference.unchecked,
                "acyclic": reference.acyclic.value if reference.acyclic else None,
                "when": _sorted(map(str, reference.when[1])) if reference.when else None,
            }
            for reference in kind.references
        ],
        "rules": [{"name": rule.name, "fields": list(rule.fields), "says": rule.says} for rule in kind.rules],
        "scope": kind.scope.describe(),
        "secret": _sorted(kind.secret),
        "volatile": _sorted(kind.volatile),
        "merge": dict(kind.merge),
        "deletes_win": kind.deletes_win,
        "insert_only": kind.insert_only,
        "immutable": kind.immutable,
        "renamed_field": kind.rename.field if kind.rename else None,
        "cascades": [
            {
                "kind": cascade.kind,
                "table": cascade.table,
                "columns": [here for here, _ in cascade.join],
                "by": "database" if cascade.enforced else "viaduct",
            }
            for cascade in kind.cascades
        ],
    }


def _sorted(names: Iterable[str]) -> list[JSON]:
    return [*sorted(set(names))]


def _fields(kind: Kind) -> list[JSON]:
    names = [*kind.declared, *(f"{prefix}*" for prefix in kind.patterns)]
    names += [child.field for child in kind.children if child.shape in (Shape.SET, Shape.ITEMS)]
    return _sorted(names)
