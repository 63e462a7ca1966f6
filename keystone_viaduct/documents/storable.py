"""What this database can't hold although the document is well formed: characters, and names that it folds."""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.errors import BadDocument
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import JSON, Document, Type

from .layout import ChildPart, Layout, Part, one_part, pattern_part
from .schema import Schema

_WIDE = "\U00010000"


def check_storable(schema: Schema, layout: Layout, document: Document) -> None:
    """Raises BadDocument for a value that this database would refuse.

    PostgreSQL has no NUL in text; Keystone's migrations on MySQL make utf8mb3 columns, which hold characters
    up to U+FFFF; a list of names with two that the collation holds equal can't be stored either.
    """
    layout.kind.check(document)
    if _is_harmless("".join(document)) and all(map(_is_harmless, document.values())):
        return
    for part, values in _parts(layout, document):
        for bound in part.bounds:
            value = values.get(bound.name)
            if isinstance(value, str) and bound.spec.type is Type.TEXT:
                problem = _problem(schema, part.table.name, bound.column.name, value)
                if problem:
                    raise BadDocument(
                        f"field {bound.name} of a {layout.kind.name} {problem}",
                        hint="change it at the site that it comes from",
                        kind=layout.kind.name,
                        field=bound.name,
                    )
    for child in layout.children:
        _check_folded(schema, layout, child, document)


def _is_harmless(value: JSON) -> bool:
    """Whether any database can store it. Most values are; the others are looked at with their columns."""
    if isinstance(value, str):
        return value.isascii() and "\0" not in value
    return value is None or isinstance(value, (bool, int, float)) or value in ([], {})


def _parts(layout: Layout, document: Document) -> Iterator[tuple[Part, dict[str, JSON]]]:
    if layout.root is not None:
        yield layout.root, document
    for child in layout.children:
        value = document.get(child.child.field)
        if child.child.shape is Shape.ONE:
            yield child.part, one_part(child, document) or {}
        elif child.child.shape is Shape.OPTIONS:
            first = child.part.bounds[0].name
            for name in pattern_part(child.prefix, document):
                yield child.part, {first: name}
        elif isinstance(value, list):
            first = child.part.bounds[0].name
            for item in value:
                yield child.part, item if isinstance(item, dict) else {first: item}


def _problem(schema: Schema, table: str, column: str, value: str) -> str | None:
    if "\0" in value and schema.dialect == "postgresql":
        return "has a NUL character, which PostgreSQL can't store"
    if value and max(value) >= _WIDE and schema.columns[table][column].narrow:
        return "has a character beyond U+FFFF, which this database's utf8mb3 columns can't store"
    return None


def _check_folded(schema: Schema, layout: Layout, part: ChildPart, document: Document) -> None:
    value = document.get(part.child.field)
    if part.child.shape is not Shape.SET or not isinstance(value, list):
        return
    if not schema.columns[part.table.name][part.part.bounds[0].column.name].folds:
        return
    folded: dict[str, JSON] = {}
    for item in value:
        other = folded.setdefault(str(item).casefold(), item)
        if other != item:
            raise BadDocument(
                f"{part.child.field} of a {layout.kind.name} has {other!r} and {item!r}, the same to MySQL",
                hint="drop one of them at the site that it comes from",
                kind=layout.kind.name,
                field=part.child.field,
            )
