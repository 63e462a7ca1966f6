"""Records that exist, as a site's users know them: to refer to, to change, and to ask for at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keystone_viaduct.demo.sheets import SHEETS
from keystone_viaduct.kinds.value import join_key
from tests.records.maker import Maker

Address = tuple[str, str]
#: Columns that tell a record from others, as the demo's judge reads them; a table's own names.
KEYS: Mapping[str, tuple[str, ...]] = {
    kind: tuple(name.partition(".")[2] for name in sheets[0].key) for kind, sheets in SHEETS.items()
}
TABLES: Mapping[str, tuple[str, ...]] = {
    kind: tuple(dict.fromkeys(sheet.table for sheet in sheets if sheet.key == sheets[0].key))
    for kind, sheets in SHEETS.items()
}


@dataclass(frozen=True)
class Made:
    """A record that was taken. ``key`` are its columns as texts, ``path`` where the API deletes it.

    ``needs``: the records that it refers to. ``name``: a column that may be renamed.
    """

    kind: str
    key: tuple[str, ...]
    site: str
    path: str = ""
    needs: tuple[Address, ...] = ()

    @property
    def id(self) -> str:
        """Of a kind with a key of one column."""
        return self.key[0]

    @property
    def address(self) -> Address:
        """As lists of what waits, and of conflicts, name it."""
        return self.kind, join_key(self.key)

    @property
    def row(self) -> dict[str, Any]:
        """The key's columns in its table."""
        return dict(zip(KEYS[self.kind], self.key, strict=True))


@dataclass
class Pool:
    """What a site knows: at first only what it made itself."""

    records: list[Made] = field(default_factory=list)
    _by_kind: dict[str, list[Made]] = field(default_factory=dict)

    def add(self, found: Iterable[Made]) -> None:
        """More of them."""
        for one in found:
            self.records.append(one)
            self._by_kind.setdefault(one.kind, []).append(one)

    def some(self, maker: Maker, kind: str) -> Made | None:
        """Any record of a kind, if there is one."""
        known = self._by_kind.get(kind)
        return maker.random.choice(known) if known else None
