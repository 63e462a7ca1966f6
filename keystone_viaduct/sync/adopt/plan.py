"""Two inventories to a plan: pure, nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from keystone_viaduct.documents.digest import canonical
from keystone_viaduct.kinds.model import Document, Kind
from keystone_viaduct.kinds.reference import ALTERNATIVES
from keystone_viaduct.kinds.registry import REGISTRY

from .inventory import AtHand, Inventory
from .names import KNOWN_OUTSIDE, MOVABLE, Compared, fields_of, label, usually_compared
from .overrides import Choice, Overrides
from .pairing import Pairer, Pairing
from .verdict import Clash, Match, Move, Plan
from .watch import Watch

Documents = Mapping[str, Document]
Made = Callable[[bool], bool]
_POSITION = {name: position for position, name in enumerate(REGISTRY)}
_HELD = (
    "both are kept, each with its id and secret: once the sites are joined one is called NAME~SITE (a "
    "trust ends a second earlier); who logs in by that name has to know the new one"
)
_HASHED = (
    "the ids of this domain's users are made from the domain's id (LDAP or another driver of its own): with "
    "another id every user would get another id too, so nothing of the domain is changed; say "
    "--prefer domain/ID=here if the hub's domain has users of its own database only"
)


def make_plan(
    here: Inventory,
    there: Inventory,
    overrides: Overrides | None = None,
    *,
    folds: bool = False,
    made: Made = lambda outside: True,
    agents: Collection[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Plan:
    """What adopting the site ``here`` into the fleet of the hub ``there`` means.

    ``made(outside)``: whether moves of ids that other services know (or not) are going to be made. Where not,
    two records of one name stay two. ``agents``: names or ids of the accounts by which the agent logs in.

    ``folds`` says that some other site's database folds the case of names; those of the two are asked
    themselves. ``progress`` is called with (kind, kinds done, kinds in all).
    """
    watch = Watch(here.site, there.site, agents)
    folds = folds or here.folds or there.folds
    comparison = _Comparison(here, there, overrides or Overrides(), folds, made, watch)
    for number, kind in enumerate(REGISTRY.values()):
        if progress is not None:
            progress(kind.name, number, len(REGISTRY))
        comparison.compare(kind)
    return comparison.plan()


def plan_for(
    here: Inventory,
    there: Inventory,
    overrides: Overrides | None = None,
    *,
    rekey: bool,
    folds: bool = False,
    agents: Collection[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Plan:
    """The plan of a run with or without ``rekey``.

    Without it, what waits for ``rekey`` is told as what could be done, while the accounts stay two.
    """
    plan = make_plan(here, there, overrides, folds=folds, agents=agents, progress=progress)
    if not plan.withheld(rekey=rekey):
        return plan
    apart = make_plan(here, there, overrides, folds=folds, made=_inside, agents=agents, progress=progress)
    return replace(plan, access=apart.access, along=apart.along)


def _inside(outside: bool) -> bool:
    """Moves of ids that nobody else knows are made in any case."""
    return not outside


class _Comparison:
    def __init__(
        self,
        here: Inventory,
        there: Inventory,
        overrides: Overrides,
        folds: bool,
        made: Made,
        watch: Watch,
    ) -> None:
        self.here, self.there, self.overrides, self.folds = here, there, overrides, folds
        self.made, self.watch = made, watch
        self.secrets = here.secrets and there.secrets
        self.maps: dict[str, dict[str, str]] = {}
        self.outside: set[tuple[str, str]] = set()
        self.matches: list[Match] = []
        self.moves: list[Move] = []
        self.hub_moves: list[Move] = []
        self.clashes: list[Clash] = []
        self.apart: list[Match] = []
        self.only_here: dict[str, tuple[str, ...]] = {}
        self.only_there: dict[str, tuple[str, ...]] = {}
        self.compared: dict[str, int] = {}
        self._hashed: dict[str, frozenset[str]] = {}
        self._waiting: list[tuple[Kind, dict[str, str], Mapping[str, Document], Mapping[str, Document]]] = []

    def compare(self, kind: Kind) -> None:
        """One kind; what it refers to was compared before."""
        original, theirs = _comparable(self.here, self.there, kind)
        mine: dict[str, Document] = {}
        own_key: dict[str, str] = {}
        for key, document in original.items():
            translated = kind.rekey(document, self.maps)
            place = kind.key_of(translated)
            mine[place], own_key[place] = translated, key
        known = self._domains_of_providers(mine, theirs) if kind.name == "domain" else None
        found = Pairer(kind, mine, theirs, self.overrides).run(self._compared(), known)
        self.clashes += found.clashes
        for here, there in found.apart:
            self.apart.append(Match(kind.name, here, there, label(kind, mine[here])))
        self._decide(kind, found, mine, theirs)
        self.watch.kind(kind, found.pairs.values(), _renamed(mine, found.pairs), theirs)
        self.compared[kind.name] = len(original)
        self._note(self.only_here, kind, (own_key[key] for key in mine if key not in found.pairs))
        paired = set(found.pairs.values())
        self._note(self.only_there, kind, (key for key in theirs if key not in paired))

    def _compared(self) -> Compared | None:
        """How names are compared where a database of the fleet folds them: as one of the two does that is at
        hand, else as is usual.
        """
        if not self.folds:
            return None
        for inventory in (self.here, self.there):
            if inventory.folds and isinstance(inventory, AtHand):
                return inventory.compared
        return usually_compared

    def _domains_of_providers(
        self, mine: Mapping[str, Document], theirs: Mapping[str, Document]
    ) -> dict[str, str]:
        """Domains that Keystone made for the same identity provider: their names are their ids."""
        providers = self.there.documents("identity_provider")
        found: dict[str, str] = {}
        for key, provider in self.here.documents("identity_provider").items():
            here = str(provider["domain_id"])
            there = str(providers[key]["domain_id"]) if key in providers else ""
            made = mine.get(here, {}).get("name") == here and theirs.get(there, {}).get("name") == there
            if made and there not in mine and here not in theirs:
                found[here] = there
        return found

    def _note(self, where: dict[str, tuple[str, ...]], kind: Kind, keys: object) -> None:
        found = tuple(sorted(keys))  # type: ignore[call-overload]
        if found:
            where[kind.name] = found

    def _decide(
        self, kind: Kind, found: Pairing, mine: Mapping[str, Document], theirs: Mapping[str, Document]
    ) -> None:
        changed = {here: there for here, there in found.pairs.items() if here != there}
        for here, there in list(changed.items()):
            refused = self._refused(kind, here, there, mine[here])
            if refused is not None:
                self.clashes.append(refused)
            elif self.made(self._is_outside(kind, theirs[there])):
                continue
            self.watch.renamed(kind, here, there, mine[here])
            del changed[here], found.pairs[here]
        for here, there in found.apart:
            self.watch.renamed(kind, here, there, mine[here])
        self.maps[kind.name] = changed
        for here, there in changed.items():
            self._move(kind, here, there, mine[here], theirs[there])
        if any(_POSITION[reference.target] > _POSITION[kind.name] for reference in kind.references):
            self._waiting.append((kind, found.pairs, mine, theirs))
        else:
            self._match(kind, found.pairs, mine, theirs)

    def _match(
        self,
        kind: Kind,
        pairs: Mapping[str, str],
        mine: Mapping[str, Document],
        theirs: Mapping[str, Document],
    ) -> None:
        """Note the pairs, with the fields that differ."""
        for here, there in pairs.items():
            same = kind.rekey(mine[here], self.maps)
            differing = self._differing(kind, same, theirs[there])
            if differing:  # re-keying sorts lists of ids, so the other side has to be sorted too
                differing = self._differing(kind, same, kind.rekey(theirs[there], {}))
            self.matches.append(Match(kind.name, here, there, label(kind, theirs[there]), differing))
            self.watch.pair(kind, there, same, theirs[there], differing, self.secrets)

    def _refused(self, kind: Kind, here: str, there: str, document: Document) -> Clash | None:
        """Why two records of one name can't become one, or None."""
        shown = label(kind, document)
        if kind.name not in MOVABLE:
            return Clash(kind.name, "held", (here,), (there,), shown, _HELD)
        if kind.name != "domain":
            return None
        stays = self.overrides.of(kind.name, here, there, shown) is Choice.HERE
        moved, site = (there, self.there) if stays else (here, self.here)
        if moved in self._hashed_domains(site):
            return Clash(kind.name, "hashed", (here,), (there,), shown, _HASHED)
        return None

    def _hashed_domains(self, site: Inventory) -> frozenset[str]:
        """Domains whose users' public ids are digests over the domain's id."""
        if site.site not in self._hashed:
            mapped = {str(item["domain_id"]) for item in site.documents("id_mapping").values()}
            mapped.update(
                key
                for key, config in site.documents("domain_config").items()
                if config.get("whitelisted.identity/driver") not in (None, "sql")
            )
            self._hashed[site.site] = frozenset(mapped)
        return self._hashed[site.site]

    def _move(self, kind: Kind, here: str, there: str, mine: Document, theirs: Document) -> None:
        names = (here, there, label(kind, mine), label(kind, theirs))
        outside = self._is_outside(kind, theirs)
        if outside:
            self.outside.add((kind.name, there))
        if self.overrides.of(kind.name, *names) is Choice.HERE:
            self.hub_moves.append(Move(kind.name, there, here, label(kind, theirs), outside))
        else:
            self.moves.append(Move(kind.name, here, there, label(kind, theirs), outside))

    def _is_outside(self, kind: Kind, theirs: Document) -> bool:
        return kind.name in KNOWN_OUTSIDE or self._depends(kind, theirs)

    def _depends(self, kind: Kind, theirs: Document) -> bool:
        """Whether the record's name includes the id of one that is re-keyed on demand only."""
        named = fields_of(kind)
        return any(
            (target, ref.key) in self.outside
            for ref in kind.references_of(theirs)
            if ref.field in named
            for target in (ref.kind, *ALTERNATIVES.get(ref.kind, ()))
        )

    def _differing(self, kind: Kind, mine: Document, theirs: Document) -> tuple[str, ...]:
        found = []
        for name in sorted(mine.keys() | theirs.keys()):
            if name in kind.key or name in kind.merge or (kind.is_secret(name) and not self.secrets):
                continue
            default = kind.declared[name].default if name in kind.declared else None
            ours, other = mine.get(name, default), theirs.get(name, default)
            if ours != other and canonical(ours) != canonical(other):
                found.append(name)
        return tuple(found)

    def plan(self) -> Plan:
        """The result. Kinds that refer to later ones (rules of a mapping) are compared only now."""
        for waiting in self._waiting:
            self._match(*waiting)
        self._waiting.clear()
        notes = [
            f"--prefer {name}: no record of that name matches another" for name in self.overrides.unused()
        ]
        if not self.secrets:
            notes.append("secret fields were not compared: the hub's inventory carries no digests of them")
        return Plan(
            self.here.site,
            self.there.site,
            self.folds,
            tuple(self.matches),
            tuple(self.moves),
            tuple(self.hub_moves),
            tuple(self.clashes),
            tuple(self.apart),
            self.only_here,
            self.only_there,
            self.compared,
            tuple(notes),
            self.watch.finish(),
            self.watch.along,
            self.secrets,
        )


def _comparable(here: Inventory, there: Inventory, kind: Kind) -> tuple[Documents, Documents]:
    """The records of both, each secret under the same veil, if one of them has one."""
    mine, theirs = here.documents(kind.name), there.documents(kind.name)
    if there.veil is not None and here.veil is None:
        mine = {key: there.veil.over(kind, document) for key, document in mine.items()}
    elif here.veil is not None and there.veil is None:
        theirs = {key: here.veil.over(kind, document) for key, document in theirs.items()}
    return mine, theirs


def _renamed(mine: Documents, pairs: Mapping[str, str]) -> Documents:
    """The site's records by the keys that they will have."""
    return {pairs.get(key, key): document for key, document in mine.items()}
