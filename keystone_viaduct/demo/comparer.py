"""The judge: reads the sites' databases by SQL of its own and says where they differ, field by field."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from keystone_viaduct.demo.equality import Equality
from keystone_viaduct.demo.keystones import Keystone
from keystone_viaduct.demo.sheets import DEFAULTS, SHEETS, Sheet
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.kinds.deepjson import decode, encode

Key = tuple[str, ...]
Record = dict[str, Any]
Column = tuple[str, str]

#: Events older than a token's life (3600 s) and [revoke] expiration_buffer (1800 s) may be pruned.
EVENT_AGE = timedelta(seconds=5400)
_NULL_KEY = base64.urlsafe_b64encode(bytes(32))
#: Lists and objects inside each other in what is compared.
_DEEPEST = 10_000
#: The reason of what is carried because its name, or its key, is another record's to the database.
_NAME = "name"
UNREADABLE = "<no key of this site opens it>"


@dataclass(frozen=True)
class Source:
    """One site to be read: SQLAlchemy URL of its database and the folder of its credential keys."""

    site: str
    url: str
    credential_keys: Path

    @classmethod
    def of(cls, keystone: Keystone) -> Source:
        """A site as it is run here."""
        return cls(keystone.name, keystone.database_url, keystone.layout.credential_keys)


@dataclass(frozen=True)
class Difference:
    """A field that is not the same everywhere; ``field`` is empty when the record is missing somewhere.

    ``key`` is for readers; ``parts`` are the columns that it is made of.
    """

    kind: str
    key: str
    field: str
    values: Mapping[str, Any]
    parts: Key = ()

    def __str__(self) -> str:
        where = ", ".join(f"{site}: {value!r}" for site, value in self.values.items())
        return f"{self.kind} {self.key}" + (f" .{self.field}" if self.field else "") + f" -- {where}"


@dataclass
class Comparison:
    """What was found: ``records`` counted per kind; ``unused`` columns hold nothing but their default.

    ``carried``: what a site's tables don't have because they can't, and the site has and names all the same.
    """

    sites: tuple[str, ...]
    records: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    carried: list[Difference] = field(default_factory=list)
    unused: list[Column] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether all sites hold the same."""
        return not self.differences

    @property
    def empty(self) -> list[str]:
        """Kinds of which no site has a record."""
        return [kind for kind, count in self.records.items() if not count]

    def lines(self, limit: int = 40) -> list[str]:
        """The findings for a reader."""
        found = [str(difference) for difference in self.differences[:limit]]
        if len(self.differences) > limit:
            found.append(f"... and {len(self.differences) - limit} more differences")
        found += [f"carried: {difference}" for difference in self.carried[:limit]]
        if len(self.carried) > limit:
            found.append(f"... and {len(self.carried) - limit} more that are carried")
        found += [f"no record of kind {kind}" for kind in self.empty]
        found += [f"nothing but defaults in {table}.{column}" for table, column in self.unused]
        return found


def compare(sources: Sequence[Source], now: datetime | None = None) -> Comparison:
    """Read every kind at every site and compare. ``now`` decides which revocation events may be pruned."""
    if not sources:
        raise ConfigError("nothing to compare", hint="name at least one site")
    horizon = (now or datetime.now(UTC)).replace(tzinfo=None) - EVENT_AGE
    readers = [_Reader(source, horizon) for source in sources]
    try:
        return _compare(readers)
    finally:
        for reader in readers:
            reader.close()


def _compare(readers: Sequence[_Reader]) -> Comparison:
    result = Comparison(tuple(reader.site for reader in readers))
    used: dict[Column, bool] = {}
    for kind, sheets in SHEETS.items():
        held = {reader.site: reader.read(kind, sheets, used) for reader in readers}
        keys = sorted({key for records in held.values() for key in records})
        result.records[kind] = len(keys)
        for key in keys:
            records = {reader: held[reader.site].get(key) for reader in readers}
            found = [d for d in _differences(kind, key, records) if not _is_spelling(d, readers, sheets)]
            carried = bool(found) and _are_carried(kind, key, records, sheets)
            (result.carried if carried else result.differences).extend(found)
    result.unused = [column for column, is_used in used.items() if not is_used]
    return result


def _differences(kind: str, key: Key, found: Mapping[_Reader, Record | None]) -> list[Difference]:
    name = "/".join(key)
    records = {reader.site: record for reader, record in found.items()}
    present = {site: record for site, record in records.items() if record is not None}
    if len(present) < len(records):
        return [
            Difference(
                kind, name, "", {site: "there" if site in present else "missing" for site in records}, key
            )
        ]
    fields = sorted({field for record in present.values() for field in record})
    differences = []
    for item in fields:
        values = {site: record.get(item) for site, record in present.items()}
        if len({_canonical(value) for value in values.values()}) > 1:
            differences.append(Difference(kind, name, item, values, key))
    return differences


def _is_spelling(difference: Difference, readers: Sequence[_Reader], sheets: Sequence[Sheet]) -> bool:
    """Whether all mean the same record, which one site's database also finds by another spelling."""
    tables = [sheet.table for sheet in sheets if not sheet.many and difference.field in sheet.columns]
    if not tables:
        return False
    values = difference.values
    spelt = (r.equality.spelt(tables[0], difference.field, values[r.site]) for r in readers)
    return len({_canonical(value) for value in spelt}) == 1


def _are_carried(
    kind: str, key: Key, records: Mapping[_Reader, Record | None], sheets: Sequence[Sheet]
) -> bool:
    """Whether the sites have the same record by their bookkeeping, and where the tables don't show it, it is
    carried: for want of a name only if the database itself takes that for somebody else's.
    """
    said = {reader: reader.equality.said(kind, key) for reader in records}
    if len({known.digest if known else None for known in said.values()}) > 1:
        return False
    carrying = {reader: known.reason for reader, known in said.items() if known and known.reason}
    whole = next((record for reader, record in records.items() if record and reader not in carrying), None)
    if not carrying or whole is None or any(not r for reader, r in records.items() if reader not in carrying):
        return False
    rows = list(_rows_of(key, whole, sheets))
    return all(
        reason != _NAME or any(reader.equality.is_taken(*row) for row in rows)
        for reader, reason in carrying.items()
    )


def _rows_of(key: Key, record: Record, sheets: Sequence[Sheet]) -> Iterator[tuple[str, Record, Record]]:
    """A record's rows: the table, the columns that tell it from others' rows, and all of them."""
    for sheet in sheets:
        own = {_bare(name): part for name, part in zip(sheet.key, key, strict=False) if name.startswith("t.")}
        rows = record.get(sheet.many, ()) if sheet.many else [record]
        for row in rows if own else ():
            yield sheet.table, own, {**own, **{name: row.get(name) for name in sheet.columns}}


class _Reader:
    """One site's database, read in a single transaction."""

    def __init__(self, source: Source, horizon: datetime) -> None:
        self.site = source.site
        self._horizon = horizon.isoformat(" ")
        self._asked: sa.engine.Connection | None = None
        self._fernet = MultiFernet(_keys(source.credential_keys))
        self._engine = sa.create_engine(source.url)
        self._connection = self._engine.connect()
        self._columns = {
            table: {column["name"] for column in sa.inspect(self._connection).get_columns(table)}
            for table in {sheet.table for sheets in SHEETS.values() for sheet in sheets}
        }
        # afterwards: reflection does not understand tables shown in ANSI's quotes
        if self._engine.dialect.name in ("mysql", "mariadb"):
            self._connection.execute(sa.text("SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')"))

    @cached_property
    def equality(self) -> Equality:
        """Its database, to be asked what is equal: by a connection of its own, for the other one reads names
        as ANSI quotes them.
        """
        self._asked = self._engine.connect()
        return Equality(self._asked)

    def close(self) -> None:
        for connection in (self._connection, self._asked):
            if connection is not None:
                connection.close()
        self._engine.dispose()

    def read(self, kind: str, sheets: Sequence[Sheet], used: dict[Column, bool]) -> dict[Key, Record]:
        records: dict[Key, Record] = {}
        for sheet in sheets:
            for key, row in self._rows(sheet, used):
                if kind == "revocation_event" and key[9] < self._horizon:
                    continue
                record = records.setdefault(key, {})
                if sheet.many:
                    record.setdefault(sheet.many, []).append(row)
                else:
                    record.update(row)
        for record in records.values():
            for value in record.values():
                if isinstance(value, list):
                    value.sort(key=_canonical)
        return records

    def _rows(self, sheet: Sheet, used: dict[Column, bool]) -> list[tuple[Key, Record]]:
        # A column that this release lacks is not compared there, as its absence is no difference in data.
        columns = [name for name in sheet.columns if "." in name or name in self._columns[sheet.table]]
        quoted = [_quote(name) for name in (*sheet.key, *(_qualified(name) for name in columns))]
        query = f'SELECT {", ".join(quoted)} FROM "{sheet.table}" AS t {sheet.joined}'
        if sheet.where:
            query += f" WHERE {sheet.where}"
        rows = []
        for values in self._connection.execute(sa.text(query)):
            key = tuple(_text(value) for value in values[: len(sheet.key)])
            row = {
                name: self._value(sheet, name, value)
                for name, value in zip(columns, values[len(sheet.key) :], strict=True)
            }
            parts = dict(zip((_bare(name) for name in sheet.key), values, strict=False))
            _note(sheet, parts | row, used)
            rows.append((key, row))
        if not rows:
            _note(sheet, dict.fromkeys((_bare(name) for name in (*sheet.key, *columns)), None), used)
        return rows

    def _value(self, sheet: Sheet, name: str, value: Any) -> Any:
        if name == "encrypted_blob":
            return self._open(value)
        if value is not None and (name in sheet.decoded or name in sheet.twice):
            return _decoded(value, twice=name in sheet.twice)
        return _plain(value)

    def _open(self, blob: str | bytes) -> str:
        try:
            return self._fernet.decrypt(blob).decode()
        except InvalidToken:
            return UNREADABLE


def _note(sheet: Sheet, row: Record, used: dict[Column, bool]) -> None:
    """Remember which columns hold something that is not their default."""
    for name, value in row.items():
        if name in ("external_id",) and sheet.table != "access_rule":
            continue
        column = (sheet.table, name)
        says = value not in (None, "", {}, []) and value != DEFAULTS.get(column, _Nothing)
        used[column] = used.get(column, False) or says


class _Nothing:
    """Equal to no value."""


def _bare(name: str) -> str:
    return name.split(".", 1)[-1]


def _qualified(name: str) -> str:
    return name if "." in name else f"t.{name}"


def _quote(name: str) -> str:
    alias, column = name.split(".", 1)
    return f'{alias}."{column}"'


def _plain(value: Any) -> Any:
    """One form for what engines return differently: booleans, instants (to the second), days."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.replace(microsecond=0, tzinfo=None).isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and len(value) == 26 and value[10] == " " and value[19] == ".":
        return value[:19]  # SQLite's form of an instant
    return value


def _canonical(value: Any) -> str:
    """One text for each value; to Python ``True`` is equal to 1, and NaN not to itself."""
    try:
        return encode(value, _DEEPEST)
    except TypeError:
        return repr(value)


def _decoded(text: str, *, twice: bool) -> Any:
    """What a column's JSON says; what is none is compared as it stands there."""
    try:
        value = decode(text, _DEEPEST)
        return decode(value, _DEEPEST) if twice else value
    except (TypeError, ValueError):
        return text


def _text(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)


def _keys(folder: Path) -> list[Fernet]:
    """Every key of a repository, and the one Keystone uses when there is none."""
    files = [path for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []
    keys = [path.read_bytes() for path in sorted(files, key=lambda path: -int(path.name))]
    return [Fernet(key) for key in (*keys, _NULL_KEY)]
