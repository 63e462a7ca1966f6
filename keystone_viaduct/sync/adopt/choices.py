"""What an operator chooses where joining changes somebody's access: the hub's, this site's, or the newest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from keystone_viaduct.errors import AccessUndecided, ConfigError
from keystone_viaduct.kinds.model import Document
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Ref

from .access import BOTH, HUB, NEWEST, SITE, Access
from .overrides import read_map
from .verdict import Move

ALL = (HUB, SITE, NEWEST, BOTH)
Record = tuple[str, str]
_FORM = "write KIND/KEY=hub, =site, =newest or (of roles) =both, as the plan names them"


@dataclass(frozen=True)
class Settled:
    """``chosen``: of each item hub, site or both; ``open_``: items of which nothing says what to do.

    ``single``: those that were chosen by name.
    """

    chosen: Mapping[Access, str]
    open_: tuple[Access, ...]
    single: frozenset[Access] = frozenset()

    @property
    def records(self) -> dict[Record, str]:
        """The same by record, as the hub goes by it."""
        return {record: choice for item, choice in self.chosen.items() for record in item.records}


def at_the_hubs_ids(records: Mapping[Record, str], hub_moves: Iterable[Move]) -> dict[Ref, str]:
    """The records by the keys that they will have, also where the hub takes this site's ids."""
    maps: dict[str, dict[str, str]] = {}
    for move in hub_moves:
        maps.setdefault(move.kind, {})[move.old] = move.new
    return {_moved(*record, maps): choice for record, choice in records.items()}


def _moved(name: str, key: str, maps: Mapping[str, Mapping[str, str]]) -> Ref:
    kind = REGISTRY[name]
    document: Document = dict(zip(kind.key, kind.split_key(key), strict=True))
    return Ref(name, kind.key_of(kind.rekey(document, maps)))


class Choices:
    """``prefer``: what to take, the first that an item allows; ``single``: address -> choice, which win.

    ``stored``: what was chosen before, by record; counts where neither says anything.
    """

    def __init__(
        self,
        prefer: Iterable[str] = (),
        single: Mapping[str, str] | None = None,
        stored: Mapping[Record, str] | None = None,
    ) -> None:
        self._prefer = tuple(prefer)
        self._single = dict(single or {})
        self._stored = dict(stored or {})

    @classmethod
    def parse(
        cls,
        prefer: str = "",
        texts: Iterable[str] = (),
        file: Path | None = None,
        stored: Mapping[Record, str] | None = None,
    ) -> Choices:
        """``hub,both``, ``KIND/KEY=CHOICE`` and a YAML file of ``KIND/KEY: CHOICE``. Raises ConfigError."""
        single = dict(read_map(file, _FORM)) if file is not None else {}
        for text in texts:
            address, equals, choice = text.rpartition("=")
            if not equals:
                raise ConfigError(f"{text!r} is no choice", hint=_FORM)
            single[address] = choice
        preferred = [part.strip() for part in prefer.split(",") if part.strip()]
        for choice in (*preferred, *single.values()):
            if choice not in ALL:
                raise ConfigError(f"{choice!r} can't be chosen", hint=f"one of: {', '.join(ALL)}")
        return cls(preferred, single, stored)

    def settle(self, items: Iterable[Access], *, strict: bool = True) -> Settled:
        """Choose. Raises ConfigError for a single choice that no item has (``strict``) or allows."""
        items = tuple(items)
        self._check_ambiguous(items)
        chosen: dict[Access, str] = {}
        left: list[Access] = []
        single: set[Access] = set()
        used: set[str] = set()
        for item in items:
            named = [address for address in item.addresses if address in self._single]
            used.update(named)
            single.update([item] if named else ())
            choice = self._named(item, named[0]) if named else self._preferred(item)
            if choice is None:
                left.append(item)
            else:
                chosen[item] = choice
        unused = sorted(self._single.keys() - used)
        if unused and strict:
            raise ConfigError(
                f"{unused[0]}: joining changes nobody's access of that name",
                hint="the plan names whose access changes; look at the spelling",
            )
        return Settled(chosen, tuple(left), frozenset(single))

    def _check_ambiguous(self, items: tuple[Access, ...]) -> None:
        """A name that several have, in different domains say, is no way to choose for one of them."""
        for address in self._single:
            meant = [item for item in items if address in item.addresses]
            if len(meant) > 1:
                raise ConfigError(
                    f"{address} is the name of {len(meant)}",
                    hint=f"name one by its id: {', '.join(item.addresses[1] for item in meant[:5])}",
                )

    def _named(self, item: Access, address: str) -> str:
        choice = self._single[address]
        if choice not in item.options:
            raise ConfigError(
                f"{address} can't be {choice!r}", hint=f"it may be {', '.join(item.options)}", address=address
            )
        return item.newest if choice == NEWEST else choice

    def _preferred(self, item: Access) -> str | None:
        for choice in self._prefer:
            if choice in item.options:
                return item.newest if choice == NEWEST else choice
        before = {self._stored.get(record) for record in item.records}
        known = before.pop() if len(before) == 1 else None
        return known if known in item.options else None


def undecided(site: str, found: Settled, how: str) -> AccessUndecided:
    """The error where something is left to choose."""
    count = len(found.open_)
    shown = ", ".join(item.addresses[0] for item in found.open_[:3]) + (" …" if count > 3 else "")
    return AccessUndecided(
        f"joining {site} would change the access of {count}: {shown}",
        hint=how,
        site=site,
        undecided=[item.addresses[0] for item in found.open_[:100]],
    )
