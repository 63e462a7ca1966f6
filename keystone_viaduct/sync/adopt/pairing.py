"""Which records of one kind are the same thing at both sites, judged by id and by name."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from keystone_viaduct.documents.digest import canonical
from keystone_viaduct.kinds.model import Document, Kind

from .names import Compared, Name, held_by, label, names_of
from .overrides import Choice, Overrides
from .verdict import Clash

Documents = Mapping[str, Document]
Groups = dict[Name, tuple[set[str], set[str]]]

_CROSSED = (
    "one id and one name point to different records: rename one of them, or replicate and let policy decide"
)
_AMBIGUOUS = "several records hold this name: remove the superfluous ones, or leave them as they are"
_CASE = (
    "a database of the fleet takes these names for equal: rename one, or say with --prefer whether they are "
    "the same (hub, here) or not (apart: one is then renamed when the sites are joined)"
)
_OWN_CASE = "a database of the fleet can't hold both of these names: rename one of them before joining"


@dataclass
class Pairing:
    """Pairs of keys (here, there), equal ids among them; what can't be paired; what is kept apart."""

    pairs: dict[str, str] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)
    apart: list[tuple[str, str]] = field(default_factory=list)


class Pairer:
    """Pairs the records of one kind. ``here`` must already speak of the hub's ids in its references."""

    def __init__(self, kind: Kind, here: Documents, there: Documents, overrides: Overrides) -> None:
        self.kind = kind
        self.here = here
        self.there = there
        self.overrides = overrides
        self.result = Pairing({key: key for key in here if key in there})
        self._edges: dict[str, set[str]] = {}
        self._back: dict[str, set[str]] = {}

    def run(self, compared: Compared | None, known: Mapping[str, str] | None = None) -> Pairing:
        """Everything; ``compared`` says how a database of the fleet compares names, if one folds them.

        ``known``: pairs (here, there) that are the same for another reason than a name.
        """
        for here, there in (known or {}).items():
            if here != there:
                self._link(here, there)
        if not any(True for document in self.here.values() for _ in names_of(self.kind, document)):
            return self.result
        for name, (mine, theirs) in self._groups().items():
            self._join(name, mine, theirs)
        self._settle()
        if compared is not None:
            self._case(compared)
        return self.result

    def _groups(self, compared: Compared | None = None) -> Groups:
        groups: Groups = {}
        found = None
        if compared is not None:
            every = itertools.chain(self.here.values(), self.there.values())
            found = compared([held for document in every for held, _ in held_by(self.kind, document)])
        for side, documents in enumerate((self.here, self.there)):
            for key, document in documents.items():
                for name in names_of(self.kind, document, found):
                    groups.setdefault(name, (set(), set()))[side].add(key)
        return groups

    def _join(self, name: Name, mine: set[str], theirs: set[str]) -> None:
        both = mine & theirs
        mine, theirs = mine - both, theirs - both
        if not mine or not theirs:
            return
        if len(mine) > 1 or len(theirs) > 1:
            for here, there in self._alike(mine, theirs):
                self._link(here, there)
                mine.discard(here)
                theirs.discard(there)
        if len(mine) == 1 and len(theirs) == 1:
            self._link(*mine, *theirs)
        elif mine and theirs:
            self._clash("ambiguous", mine, theirs, _AMBIGUOUS)

    def _alike(self, mine: Iterable[str], theirs: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Pairs of equal contents, each record used once."""
        waiting: dict[bytes, list[str]] = {}
        for key in sorted(theirs, reverse=True):
            waiting.setdefault(self._content(self.there[key]), []).append(key)
        for key in sorted(mine):
            same = waiting.get(self._content(self.here[key]))
            if same:
                yield key, same.pop()

    def _content(self, document: Document) -> bytes:
        return canonical({name: value for name, value in document.items() if name not in self.kind.key})

    def _link(self, here: str, there: str) -> None:
        if self._choice(here, there) is Choice.APART:
            self.result.apart.append((here, there))
            return
        self._edges.setdefault(here, set()).add(there)
        self._back.setdefault(there, set()).add(here)

    def _settle(self) -> None:
        """Take the pairs on which all names agree; the others are crossed."""
        pairs = self.result.pairs
        taken = set(pairs.values())
        for here, theirs in sorted(self._edges.items()):
            mine = set().union(*(self._back[there] for there in theirs))
            if len(theirs) == 1 and len(mine) == 1 and here not in pairs and not theirs & taken:
                pairs[here] = next(iter(theirs))
            else:
                self._clash("crossed", mine, theirs, _CROSSED)

    def _case(self, compared: Compared) -> None:
        """Names that are equal only to a database that folds case."""
        paired, taken = self.result.pairs, set(self.result.pairs.values())
        exact = set(self._edges) | {here for here, _ in self.result.apart}
        for name, (mine, theirs) in self._groups(compared).items():
            if name.unique and len(mine) > 1:
                self._clash("case", mine, (), _OWN_CASE)
            mine = mine - paired.keys() - exact
            theirs = theirs - taken
            if not mine or not theirs:
                continue
            if len(mine) == 1 and len(theirs) == 1:
                self._case_pair(*mine, *theirs)
            elif name.unique:
                self._clash("case", mine, theirs, _CASE)

    def _case_pair(self, here: str, there: str) -> None:
        choice = self._choice(here, there)
        if choice is Choice.APART:
            self.result.apart.append((here, there))
        elif choice is None:
            self._clash("case", (here,), (there,), _CASE)
        else:
            self.result.pairs[here] = there

    def _choice(self, here: str, there: str) -> Choice | None:
        names = (here, there, label(self.kind, self.here[here]), label(self.kind, self.there[there]))
        return self.overrides.of(self.kind.name, *names)

    def _clash(self, reason: str, mine: Iterable[str], theirs: Iterable[str], hint: str) -> None:
        here, there = tuple(sorted(mine)), tuple(sorted(theirs))
        shown = label(self.kind, self.here[here[0]] if here else self.there[there[0]])
        clash = Clash(self.kind.name, reason, here, there, shown, hint)
        if clash not in self.result.clashes:
            self.result.clashes.append(clash)
