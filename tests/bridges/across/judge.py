"""What may have come of an act, without a model of SQL: unbridged tables of its shape say what it wrote.

A parent and its children are a group. Whoever wrote to one of its rows must be found there as he wrote it;
where several did, one of them. Where nobody wrote, nothing has changed. And all pairs are consistent.
"""

from __future__ import annotations

from collections.abc import Iterator

from keystone_viaduct.upgrade.expression import same
from keystone_viaduct.upgrade.move import NEW, OLD, Move
from tests.bridges.across.statements import Act
from tests.bridges.across.subject import Rows, Told, Values

#: A side, the table that has it, the key of the row, and what was written there.
Written = tuple[str, str, Values]


class Judge:
    """Of one move."""

    def __init__(self, move: Move) -> None:
        self.move = move
        self.columns = {
            "parent": [column.name for column in move.on_parent],
            "child": [column.name for column in move.on_child],
        }
        self.sides = {"parent": move.parent_side, "child": move.child_side}

    def problems(self, act: Act, before: Told, meant: Told, found: Told) -> Iterator[str]:
        """What is not as it should be; ``meant`` is what came of the act without a bridge."""
        yield from self._rows("parent", meant.parents, found.parents)
        if not (self.move.makes_rows and act.side != NEW):
            yield from self._rows("child", meant.children, found.children)
        for key, parent in found.parents.items():
            children = {name: row for name, row in found.children.items() if row["place_id"] == key}
            yield from self._pairs(parent, children)
            allowed = self._allowed(act, key, before, meant)
            if allowed and not any(self._holds(item, parent, children) for item in allowed):
                yield f"group {key} is {parent} {children}, and none of {allowed}"

    def consistent(self, found: Told) -> Iterator[str]:
        """Pairs that differ."""
        for key, parent in found.parents.items():
            children = {name: row for name, row in found.children.items() if row["place_id"] == key}
            yield from self._pairs(parent, children)

    def _rows(self, table: str, meant: Rows, found: Rows) -> Iterator[str]:
        if meant.keys() != found.keys():
            yield f"{table} has {sorted(found)}, not {sorted(meant)}"
            return
        for key, row in meant.items():
            kept = self.columns[table] if self.move.one_way and self.sides[table] == OLD else []
            for name in (name for name in ("note", "place_id", *kept) if name in row):
                if not same(row[name], found[key][name]):
                    yield f"{table} {key} has another {name}"

    def _pairs(self, parent: Values, children: Rows) -> Iterator[str]:
        pair = self.move.pair
        for row in children.values() or ((None,) if self.move.makes_rows else ()):
            if not pair.consistent().holds(self.move.joined(parent, row)):
                yield f"{parent} and {row} differ"

    def _allowed(self, act: Act, key: str, before: Told, meant: Told) -> list[Written]:
        """What may stand in the group; empty: that it is consistent says enough."""
        if act.side == "both":
            return [] if self.move.makes_rows else self._either(key, meant)
        written: list[Written] = []
        yields = False
        for table, rows, earlier in self._tables(before, meant):
            known = self.sides[table] == act.side
            for name, row in rows.items():
                if (row["place_id"] if table == "child" else name) != key:
                    continue
                was = None if name in act.replaced else earlier.get(name)
                values = {column: row[column] for column in self.columns[table]} if known else {}
                fresh = was is None
                moved = not fresh and table == "child" and was is not None and was["place_id"] != key
                changed = (
                    known
                    and was is not None
                    and any(not same(was[item], row[item]) for item in self.columns[table])
                )
                given = fresh and any(value is not None for value in values.values())
                if given or changed:
                    written.append((table, name, values))
                if (fresh and not given) or (moved and not changed) or name in act.silent:
                    yields = True
                    if moved and was is not None:
                        written.append((table, name, {item: was[item] for item in self.columns[table]}))
        if yields:
            written += self._passing(act, key, meant)
        if written or yields:
            written += self._borrowed(act, key, before)
        if written:
            written += self._rewritten(act, key, before, meant)
        if len(written) > 1:
            written += self._told(key, written)
        gone = self.move.makes_rows and key in before.children and key not in meant.children
        if gone and act.side == NEW:
            return []  # its values went with it
        parent = None if key in act.replaced else before.parents.get(key)
        kept = {name: row for name, row in before.children.items() if row["place_id"] == key}
        if not written and not yields:
            return [] if parent is None else [("parent", key, {c: parent[c] for c in self.columns["parent"]})]
        if yields and parent is not None:
            written.append(("parent", key, {c: parent[c] for c in self.columns["parent"]}))
            written += [
                ("child", name, {c: row[c] for c in self.columns["child"]}) for name, row in kept.items()
            ]
        if yields and (parent is None or self._takes_fallback(parent)):
            return []
        return written

    def _rewritten(self, act: Act, key: str, before: Told, meant: Told) -> Iterator[Written]:
        """Children that one statement gives the values that they had, after another child of their parent got
        others, which they took: for their trigger that is an edit like any other.
        """
        for name in meant.rewritten & before.children.keys():
            row = meant.children.get(name)
            if row is not None and row["place_id"] == key and self.sides["child"] == act.side:
                yield "child", name, {column: row[column] for column in self.columns["child"]}

    def _passing(self, act: Act, key: str, meant: Told) -> Iterator[Written]:
        """What a child left with its parent before the statement's next row replaced it.

        A silent row that comes after it takes that, as it would from a statement of its own.
        """
        if self.sides["child"] != act.side:
            return
        for name, row in act.replaced.items():
            if row.get("place_id") != key or name in meant.children or name in act.silent:
                continue
            yield self._as_told(key, {column: row.get(column) for column in self.columns["child"]})

    def _told(self, key: str, written: list[Written]) -> list[Written]:
        """Children of one parent that a statement gives different values: each is told to the parent, that to
        the others, and back to the one that came last. A lossy bridge can't give that more than it knows.
        """
        children = [values for table, _, values in written if table == "child" and values]
        if self.move.one_way or len(children) < 2:
            return []
        return [self._as_told(key, values) for values in children]

    def _as_told(self, key: str, child: Values) -> Written:
        """What a parent without values takes from a child."""
        pair = self.move.joined(dict.fromkeys(self.columns["parent"]), child)
        return "parent", key, self.move.made_of(pair, self.move.parent_side)

    def _borrowed(self, act: Act, key: str, before: Told) -> Iterator[Written]:
        """What a silent row of an upsert has taken from the parent that it names before it met another row.

        Triggers that fill it see no more of it than that; the row in its way takes that as if it was given.
        """
        for name, row in act.upserted.items():
            if name not in act.silent or self.move.one_way:
                continue
            parent = before.parents.get(str(row.get("place_id")))
            given = (
                [self.move.made_of(self.move.joined(parent, None), self.move.child_side)] if parent else []
            )
            given += [
                {column: other.get(column) for column in self.columns["child"]}
                for key_, other in act.upserted.items()
                if key_ not in act.silent and other.get("place_id") == row.get("place_id")
            ]
            yield from (self._as_told(key, child) for child in given)

    def _either(self, key: str, meant: Told) -> list[Written]:
        """What the act gave to one of the two sides."""
        found = []
        for table, rows, _ in self._tables(meant, meant):
            for name, row in rows.items():
                if (row["place_id"] if table == "child" else name) == key:
                    found.append((table, name, {column: row[column] for column in self.columns[table]}))
        return found

    def _takes_fallback(self, parent: Values) -> bool:
        """A parent without values takes what stands in a new child, be it only the fallback there."""
        if self.move.child_side == NEW or any(parent[name] is not None for name in self.columns["parent"]):
            return False
        return any(item.fallback is not None for item in self.move.down)

    def _tables(self, before: Told, meant: Told) -> Iterator[tuple[str, Rows, Rows]]:
        yield "parent", meant.parents, before.parents
        if self.move.child.key[0].name == "id" or meant.children:
            yield "child", meant.children, before.children

    def _holds(self, item: Written, parent: Values, children: Rows) -> bool:
        table, name, values = item
        row = parent if table == "parent" else children.get(name)
        return row is not None and all(same(row[column], value) for column, value in values.items())
