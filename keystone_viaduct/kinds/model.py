"""What a kind is: the declaration of one sort of resource, and the pure functions over its documents."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from keystone_viaduct.errors import BadDocument

from .natural import NaturalKey, NaturalValue
from .reference import ALTERNATIVES, Mode, Ref, Reference, moved
from .rule import Rule
from .scope import NOWHERE, Scope, ScopeResult
from .shape import Cascade, Child, Earlier, Field, Rename, Shape, Source
from .value import JSON, Document, Type, join_key, misfit, part_key

__all__ = ["JSON", "Document", "Kind", "Mode", "NaturalValue", "Ref", "ScopeResult", "Type"]

Maps = Mapping[str, Mapping[str, str]]
"""kind -> old key -> new key."""


@dataclass(frozen=True, eq=False)
class Kind:
    """One sort of resource.

    name, table     the kind's name and its root table (the first of its tables when ``rootless``)
    key             the fields that are the record's key, in order
    fields          the root's replicated columns, key fields included
    extra           whether the root has Keystone's ``extra`` column: each of its keys is a field
    children        the tables whose rows belong to the record
    constants       columns of fixed value that tell the kind from others in its table
    hidden          keys of rows that are never replicated
    surrogate       the root's own numbered or random key column, which never travels
    needs_child     child fields of which a record must have one: a row without any is no record
    merge           fields whose concurrent values merge by "max" or "min" instead of conflicting
    deletes_win     a delete beats a concurrent update: grants, memberships, credentials
    insert_only     rows are inserted and pruned, never changed; their removal is housekeeping, not a delete
    cached          Keystone keeps its records in its cache, and can't serve what does not go into it
    immutable       Keystone never changes a record's fields once it is there
    rules           what Keystone's code keeps between a record and those that it refers to
    cascades        what goes of *other* kinds with a row, by the database's hand or for Keystone's sake
    identify        computes the key from a document when it is not made of key fields
    """

    name: str
    table: str
    key: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    extra: bool = False
    cached: bool = False
    children: tuple[Child, ...] = ()
    natural: tuple[NaturalKey, ...] = ()
    references: tuple[Reference, ...] = ()
    scope: Scope = NOWHERE
    constants: Mapping[str, JSON] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    surrogate: str = ""
    rootless: bool = False
    needs_child: tuple[str, ...] = ()
    merge: Mapping[str, str] = field(default_factory=dict)
    deletes_win: bool = False
    insert_only: bool = False
    immutable: bool = False
    rules: tuple[Rule, ...] = ()
    cascades: tuple[Cascade, ...] = ()
    rename: Rename | Earlier | None = None
    identify: Callable[[Document], str] | None = None
    key_parts: int = 0

    def make_key(self, *parts: object) -> str:
        """The key whose columns have these values; None is NULL."""
        key = join_key(parts)
        part_key(key, self.name, self.key_parts or len(self.key))
        return key

    def split_key(self, key: str, *, sized: bool = True) -> tuple[str, ...]:
        """The columns' text forms; raises BadKey, but for one that is only too long if not ``sized``."""
        return part_key(key, self.name, self.key_parts or len(self.key), sized=sized)

    def key_of(self, document: Document) -> str:
        """The key that a record with this document has; raises BadDocument when a key field is missing."""
        if self.identify is not None:
            return self.identify(document)
        try:
            return join_key(tuple(document[name] for name in self.key))
        except KeyError as error:
            raise BadDocument(
                f"a {self.name} lacks its key field {error}", kind=self.name, field=error.args[0]
            ) from None

    def references_of(self, document: Document) -> list[Ref]:
        """The records that this document refers to; None values are skipped, duplicates are not."""
        return [ref for reference in self.references for ref in reference.find(document)]

    def natural_keys_of(self, document: Document) -> list[NaturalValue]:
        """The names that this document holds and that bind others."""
        return [value for natural in self.natural for value in natural.of(document)]

    def scope_of(self, document: Document) -> ScopeResult:
        """The domain it belongs to: ("domain", id), ("via", kind, key), or None."""
        return self.scope.of(document)

    def rekey(self, document: Document, maps: Maps) -> Document:
        """A copy in which every reference, also inside JSON, and the record's own id follow ``maps``.

        A reference to a project also follows the map of domains, and the like (``reference.ALTERNATIVES``).
        The new key is ``key_of`` the result.
        """

        def new_key(kind: str, key: str) -> str:
            for name in (kind, *ALTERNATIVES.get(kind, ())):
                if key in maps.get(name, {}):
                    return maps[name][key]
            return key

        result = copy.deepcopy(document)
        if len(self.key) == 1 and self.key[0] in result:
            result[self.key[0]] = moved(new_key, self.name, result[self.key[0]])
        for reference in self.references:
            reference.rewrite(result, new_key)
        return result

    def without(self, document: Document, gone: frozenset[tuple[str, str]]) -> Document | None:
        """A copy without its nulling references to the records ``gone``; None when nothing would be left.

        Nothing is left of a user whose last federated identity goes: upstream would keep a bare row, or
        delete every such row of the database (Keystone 30).
        """
        result = copy.deepcopy(document)
        for reference in self.references:
            if reference.mode is Mode.NULLING:
                reference.strip(result, lambda kind, key: (kind, key) in gone)
        return result if self.is_whole(result) else None

    def is_whole(self, document: Document) -> bool:
        """Whether the document has one of the children without which its row is no record."""
        return not self.needs_child or any(document.get(name) for name in self.needs_child)

    def check(self, document: Document, *, sized: bool = True) -> None:
        """Raises BadDocument when a known field is missing, ill-typed or (``sized``) longer than declared.

        Unknown fields pass. A field with a default may be left out: it travels so, and an older release may
        lack its column.
        """
        for name, spec in self.declared.items():
            value = document.get(name)
            if value is None:
                optional = "." in name or spec.default is not None
                if spec.required and (name in document or not optional):
                    raise self._bad(name, "is missing")
                continue
            problem = misfit(value, spec.type, spec.size if sized else None)
            if problem:
                raise self._bad(name, problem)
        for child in self.children:
            if child.shape in (Shape.SET, Shape.ITEMS):
                self._check_list(child, document.get(child.field), sized)
            elif child.shape is Shape.OPTIONS and sized:
                self._check_options(child, document)
        if not self.is_whole(document):
            raise BadDocument(
                f"a {self.name} without any of {', '.join(self.needs_child)}",
                hint="Keystone deletes such rows as orphans; send the record with its children",
                kind=self.name,
            )

    def _check_list(self, child: Child, value: JSON, sized: bool) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            raise self._bad(child.field, "is not a list")
        for item in value:
            pairs = [(spec, item.get(spec.name)) for spec in child.fields] if isinstance(item, dict) else []
            if child.shape is Shape.SET:
                pairs = [(child.fields[0], item)]
            elif not pairs:
                raise self._bad(child.field, "has an item that is not an object")
            for spec, part in pairs:
                problem = (
                    ("is missing" if spec.required else None)
                    if part is None
                    else (misfit(part, spec.type, spec.size if sized else None))
                )
                if problem:
                    raise self._bad(f"{child.field}[].{spec.name}", problem)

    def _check_options(self, child: Child, document: Document) -> None:
        prefix, size = f"{child.field}.", child.fields[0].size or 0
        for name in document:
            if name.startswith(prefix) and not 0 < len(name) - len(prefix) <= size:
                raise self._bad(name, f"does not name an option of 1 to {size} characters")

    def _bad(self, name: str, problem: str) -> BadDocument:
        return BadDocument(f"field {name} of a {self.name} {problem}", kind=self.name, field=name)

    @cached_property
    def declared(self) -> dict[str, Field]:
        """Document field -> its declaration, for single columns of the root and of one-to-one children."""
        found = {spec.name: spec for spec in self.fields}
        for child in self.children:
            if child.shape is Shape.ONE:
                found.update({f"{child.field}.{spec.name}": spec for spec in child.fields})
        return found

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """Prefixes of the fields that come in any number: ``extra.``, ``option.`` …"""
        found = ["extra."] if self.extra else []
        found += [f"{c.field}." for c in self.children if c.shape in (Shape.OPTIONS, Shape.CONFIG)]
        return tuple(found)

    @cached_property
    def secret(self) -> frozenset[str]:
        """Names of the fields that are sealed on the way and never logged; a pattern ends in ``.*``."""
        found = {name for name, spec in self.declared.items() if spec.secret}
        for child in self.children:
            if child.secret:
                found.update(child.document_fields)
        return frozenset(found)

    def is_secret(self, name: str) -> bool:
        """Whether the field of this name is secret."""
        if name in self.secret:
            return True
        return any(s.endswith(".*") and name.startswith(s[:-1]) for s in self.secret)

    @cached_property
    def volatile(self) -> tuple[str, ...]:
        """``table.column`` of the columns that stay at their site."""
        return tuple(f"{child.table}.{name}" for child in self.children for name in child.volatile)

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Every table that holds a part of the record, the root first."""
        return tuple(dict.fromkeys([self.table, *(child.table for child in self.children)]))

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The tables as capture sees them. The mark of an insert-only kind is its surrogate."""
        found = [] if self.rootless else [self._root_source()]
        return (*found, *(self._child_source(child) for child in self.children))

    def _root_source(self) -> Source:
        columns = tuple(name for spec in self.fields for name in spec.columns)
        key = (self.surrogate,) if self.insert_only else tuple(self._column(name) for name in self.key)
        where = {name: value for name, value in self.constants.items() if isinstance(value, bool)}
        extra = ("extra",) if self.extra else ()
        return Source(self.table, key, columns + extra, where=where)

    def _column(self, name: str) -> str:
        return next(spec.stored for spec in self.fields if spec.name == name)

    def _child_source(self, child: Child) -> Source:
        where = {name: value for name, value in self.constants.items() if isinstance(value, bool)}
        own = tuple(here for here, _ in child.join)
        columns = own + tuple(name for spec in child.fields for name in spec.columns)
        hops: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        at = child
        while at.parent:
            parent = next(other for other in self.children if other.table == at.parent)
            hops.append((parent.table, tuple((there, here) for here, there in at.join)))
            at = parent
        root_key = tuple(self._column(name) for name in self.key) if self.fields else self.key
        joined = {there: here for here, there in at.join}
        if all(name in joined for name in root_key) and not where:
            key = tuple(joined[name] for name in root_key)
            return Source(child.table, key, columns, tuple(hops), {}, child.volatile)
        hops.append((self.table, tuple((there, here) for here, there in at.join)))
        return Source(child.table, root_key, columns, tuple(hops), where, child.volatile)
