"""What became of each record: equal at both sites or named, there if nobody took it, gone if somebody did."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import sqlalchemy as sa

from keystone_viaduct.demo.comparer import Difference
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.kinds.value import join_key
from tests.integration.fleet.pair import Pair
from tests.records.acts import CHANGE, DELETE, Deed
from tests.records.pool import KEYS, TABLES, Address, Made

#: Kinds whose records Keystone, or the passing of time, takes away by itself.
PASSING = frozenset({"revocation_event", "request_token", "access_token"})
_MARK = re.compile(r'"mark":\s*"([0-9a-f]{12})"')


@dataclass
class Verdict:
    """What a run has found. ``named``: who waits, and why; the lists are empty where all is well."""

    records: int
    named: dict[Address, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    deeds: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, several: Iterable[Verdict]) -> Verdict:
        """All of them in one; each fleet has names of its own."""
        total = cls(0)
        for number, found in enumerate(several):
            total.records += found.records
            total.named |= {(kind, f"{number}/{key}"): why for (kind, key), why in found.named.items()}
            total.stopped += found.stopped
            total.unnamed += found.unnamed
            total.lost += found.lost
            total.deeds = dict(Counter(total.deeds) + Counter(found.deeds))
        return total

    @property
    def well(self) -> bool:
        """Whether no link stopped, and every record arrived or is named."""
        return not (self.stopped or self.unnamed or self.lost)

    def line(self) -> str:
        """All of it in numbers."""
        counts = {"stopped": self.stopped, "unnamed": self.unnamed, "lost": self.lost}
        rest = " ".join(f"{name}={len(found)}" for name, found in counts.items())
        return f"records={self.records} quarantined={len(self.named)} {rest}"


def judge(pair: Pair, made: Sequence[Made], verdict: Verdict, deeds: Sequence[Deed] = ()) -> None:
    """Compare the tables of both sites; what differs has to be named by one of them.

    What was made, deleted or changed has to be seen in them, or be on the list of what waits or of conflicts.
    """
    places = (pair.hub, pair.spoke)
    for place in places:
        verdict.named.update(waiting(place))
    apart = {_address(difference): difference for difference in pair.compare().differences}
    verdict.unnamed = [
        str(found)[:400] for address, found in sorted(apart.items()) if address not in verdict.named
    ]
    told = verdict.named.keys() | set().union(*(listed(place) for place in places)) | apart.keys()
    verdict.lost = list(Fates(places, made, deeds).unlike(told))


def _address(difference: Difference) -> Address:
    return difference.kind, join_key(difference.parts)


def waiting(place: Place) -> dict[Address, str]:
    """The records that a site's own list names as waiting, each with its reason; since when is told, too."""
    found: dict[Address, str] = {}
    marker = ""
    while told := place.admin.get(f"/OS-SYNC/waiting?marker={quote(marker, safe='')}")["waiting"]:
        found |= {(one["kind"], one["key"]): one["reason"] for one in told if one["reason"] and one["since"]}
        marker = f"{told[-1]['kind']}/{told[-1]['key']}"
    return found


def connected(place: Place) -> sa.engine.Connection:
    """To the site's database; nothing of it is kept."""
    return sa.create_engine(place.keystone.database_url, poolclass=sa.pool.NullPool).connect()


def listed(place: Place) -> set[Address]:
    """The records of which something was decided, as the site's list of conflicts has them."""
    table = sa.table("viaduct_conflict", sa.column("kind"), sa.column("key"))
    with connected(place) as connection:
        return {(row.kind, row.key) for row in connection.execute(sa.select(table).distinct())}


class Fates:
    """What must be true of each record by what was done to it and to what it needs."""

    def __init__(self, places: Sequence[Place], made: Sequence[Made], deeds: Sequence[Deed]) -> None:
        self._made = made
        self._deeds: dict[Address, list[Deed]] = defaultdict(list)
        for deed in deeds:
            self._deeds[deed.order.made.address].append(deed)
        self._uncertain = self._find_uncertain()
        kinds = sorted({one.kind for one in made})
        self._there = {place.name: held(place, kinds) for place in places}
        self._ended = {place.name: ended(place) for place in places}
        self._marks = marks(places[0], kinds)

    def _find_uncertain(self) -> set[Address]:
        """What may have gone with something else, or may be held up by it."""
        needs = {one.address: set(one.needs) for one in self._made}
        for deed in (deed for found in self._deeds.values() for deed in found):
            if deed.onto is not None:
                needs[deed.order.made.address].add(deed.onto.address)
        gone = {a for a, found in self._deeds.items() if any(d.order.sort == DELETE for d in found)}
        times = Counter(one.address for one in self._made)
        found = {address for address, count in times.items() if count > 1}
        while True:
            more = {a for a, needed in needs.items() if needed & (gone | found)} - found
            if not more:
                return found
            found |= more

    def unlike(self, told: Iterable[Address]) -> Iterable[str]:
        """What is not as it must be, and nobody tells."""
        named = set(told)
        for one in dict.fromkeys(self._made):
            address = one.address
            if one.kind in PASSING or address in named or address in self._uncertain:
                continue
            wrong = self._wrong(one, self._deeds.get(address, []))
            if wrong:
                yield f"{one.kind} {one.key!r}, made at {one.site}: {wrong}"

    def _wrong(self, one: Made, deeds: Sequence[Deed]) -> str:
        sites = [site for site, there in self._there.items() if one.address in there]
        deleted = [deed for deed in deeds if deed.order.sort == DELETE]
        if deleted and len(deeds) > len(deleted):
            return ""  # it met an edit, of which one has won
        if deleted:
            left = [site for site in sites if one.address not in self._ended[site]]
            return f"deleted at {deleted[0].site}, and still at {', '.join(left)}" if left else ""
        if not sites:
            return "is nowhere"
        wanted = [deed.order.word for deed in deeds if deed.order.sort == CHANGE]
        if len(deeds) == 1 and wanted and one.address in self._marks:
            return "" if self._marks[one.address] == wanted[0] else f"the change at {deeds[0].site} is gone"
        return ""


def held(place: Place, kinds: Sequence[str]) -> set[Address]:
    """The records of these kinds that are in the site's tables."""
    found: set[Address] = set()
    with connected(place) as connection:
        for kind in kinds:
            for name in TABLES[kind]:
                table = sa.table(name, *map(sa.column, KEYS[kind]))
                for row in connection.execute(sa.select(table).distinct()):
                    found.add((kind, join_key(tuple("" if part is None else part for part in row))))
    return found


def ended(place: Place) -> set[Address]:
    """What Keystone marks as deleted, and whose row it keeps."""
    trust = sa.table("trust", sa.column("id"), sa.column("deleted_at"))
    with connected(place) as connection:
        found = connection.execute(sa.select(trust.c.id).where(trust.c.deleted_at.is_not(None)))
        return {("trust", join_key((key,))) for key in found.scalars()}


def marks(place: Place, kinds: Sequence[str]) -> Mapping[Address, str]:
    """The marks that changes have left in ``extra``, of all kinds that have it (none: an empty text)."""
    found: dict[Address, str] = {}
    with connected(place) as connection:
        tables = {kind: TABLES[kind][0] for kind in kinds}
        extras = {
            table: {column["name"] for column in sa.inspect(connection).get_columns(table)}
            for table in set(tables.values())
        }
        for kind, name in tables.items():
            if "extra" not in extras[name] or len(KEYS[kind]) != 1:
                continue
            table = sa.table(name, sa.column(KEYS[kind][0]), sa.column("extra"))
            for key, extra in connection.execute(sa.select(table)):
                found[kind, join_key((key,))] = _mark(extra)
    return found


def _mark(extra: str | None) -> str:
    """Found without parsing: what else is there may be nested deeper than Python likes."""
    found = _MARK.search(extra or "")
    return found[1] if found else ""
