"""What this database can't hold although the document is well formed, found out before it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keystone_viaduct.errors import BadDocument, BadKey
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import JSON, Document, part_key

from .cipher import CredentialCipher
from .fitting import Check, Misfit, check_extra, check_of
from .layout import ChildPart, Layout, Part, one_part, pattern_part
from .schema import Schema

_HINT = "change it at the site that it comes from, or upgrade this one"
Checks = list[tuple[str, Check]]


class Storable:
    """Looks at the documents of one kind, field by field, with the limits of their columns."""

    def __init__(self, schema: Schema, layout: Layout, cipher: CredentialCipher) -> None:
        self._layout = layout
        self._root = [] if layout.root is None else _checks(schema, layout.root, cipher)
        self._extra: Check | None = None
        if layout.root is not None and layout.kind.extra and "extra" in layout.root.table.c:
            self._extra = check_extra(schema, schema.columns[layout.root.table.name]["extra"])
        self._children = [(child, _checks(schema, child.part, cipher)) for child in layout.children]

    def check(self, document: Document) -> None:
        """Raises BadDocument, which names the field, what is wrong with it, and the limit."""
        try:
            self._layout.kind.check(document, sized=False)
        except BadDocument as error:
            raise BadDocument(error.message, hint=error.hint or _HINT, **error.fields) from error
        for name, check in self._root:
            value = document.get(name)
            if value is not None and (misfit := check(value)) is not None:
                raise self._bad(name, misfit)
        if self._extra is not None:
            further = pattern_part("extra.", document)
            if further and (misfit := self._extra(further)) is not None:
                raise self._bad("extra", misfit)
        for child, checks in self._children:
            for shown, values in values_of(child, document) if checks else ():
                for name, check in checks:
                    value = values.get(name)
                    if value is not None and (misfit := check(value)) is not None:
                        raise self._bad(f"{shown}{name}" if shown.endswith(".") else shown, misfit)

    def _bad(self, field: str, misfit: Misfit) -> BadDocument:
        kind = self._layout.kind.name
        more = {} if misfit.limit is None else {"limit": misfit.limit}
        return BadDocument(
            f"field {field} of a {kind} {misfit.problem}",
            hint=_HINT,
            kind=kind,
            field=field,
            **more,
        )


def _checks(schema: Schema, part: Part, cipher: CredentialCipher) -> Checks:
    columns = schema.columns[part.table.name]
    found = ((b.name, check_of(schema, columns[b.column.name], b, cipher)) for b in part.bounds)
    return [(name, check) for name, check in found if check is not None]


def values_of(child: ChildPart, document: Document) -> Iterator[tuple[str, dict[str, JSON]]]:
    """What is in the child's rows, with the field to name: its name follows where that ends in a dot."""
    shape, field = child.child.shape, child.child.field
    if shape is Shape.ONE:
        yield child.prefix, one_part(child, document) or {}
        return
    if shape in (Shape.OPTIONS, Shape.CONFIG):
        names = [bound.name for bound in child.part.bounds]
        for name, value in pattern_part(child.prefix, document).items():
            yield child.prefix + name, dict(zip(names, (*_split(child, name), value), strict=True))
        return
    first = child.part.bounds[0].name
    value = document.get(field)
    for item in value if isinstance(value, list) else ():
        yield (f"{field}[].", item) if isinstance(item, dict) else (field, {first: item})


def _split(child: ChildPart, name: str) -> tuple[Any, ...]:
    if child.child.shape is Shape.OPTIONS:
        return (name,)
    try:
        return part_key(name, child.table.name, 2)
    except BadKey as error:
        raise BadDocument(f"{child.prefix}{name} is no setting: {error.message}", hint=error.hint) from error
