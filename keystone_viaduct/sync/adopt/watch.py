"""Watches a comparison for what changes somebody's access; ``access`` says what that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from keystone_viaduct.kinds.model import Document, Kind
from keystone_viaduct.kinds.registry import GRANTS, REGISTRY

from .access import (
    BOTH,
    HUB,
    NAME,
    NEWEST,
    ROLES,
    SECRET,
    SITE,
    Access,
    differences,
    grant_parts,
    grant_words,
    sort_of,
    untold,
)
from .names import label

_CALLED = frozenset({"user", "group", "project", "domain", "role"})
#: Names that OpenStack's services have their accounts under by custom.
_SERVICE_ROLES, _SERVICE_PROJECTS = frozenset({"service"}), frozenset({"service", "services"})
#: Kind -> the field that names its owner, for what works wherever the owner is known.
_OWNERS = {
    "application_credential": "user_id",
    "trust": "trustor_user_id",
    "credential": "user_id",
    "access_token": "authorizing_user_id",
}
Documents = Mapping[str, Document]


class Watch:
    """Of one comparison; ``finish`` gives what was found. ``agents``: the agent's accounts, by name or id."""

    def __init__(self, site: str, hub: str, agents: Collection[str] = ()) -> None:
        self.site, self.hub, self._agents = site, hub, frozenset(agents)
        self._found: list[Access] = []
        self._names: dict[tuple[str, str], str] = {}
        self._both: dict[str, set[str]] = {}
        self._alone: dict[tuple[str, str], dict[str, list[tuple[str, str]]]] = {}
        self._services: set[str] = set()
        self._along: Counter[str] = Counter()

    def kind(self, kind: Kind, both: Collection[str], mine: Documents, theirs: Documents) -> None:
        """A kind whose records were paired: ``both`` are the keys (as they will be) that both sites have."""
        self._both[kind.name] = set(both)
        if kind.name in _CALLED:
            for documents in (mine, theirs):
                for key, document in documents.items():
                    self._names[kind.name, key] = label(kind, document)
        owner = _OWNERS.get(kind.name, "")
        for key in mine.keys() ^ theirs.keys() if owner else ():
            document = mine.get(key) or theirs.get(key) or {}
            if document.get(owner) in self._both.get("user", ()):
                self._along[kind.name] += 1
        if kind.name in GRANTS:
            self._look_for_services(kind.name, {*mine, *theirs})
            for key in sorted(mine.keys() - theirs.keys()):
                self._grant(kind.name, key, SITE)
            for key in sorted(theirs.keys() - mine.keys()):
                self._grant(kind.name, key, HUB)

    def pair(
        self, kind: Kind, key: str, mine: Document, theirs: Document, differing: Collection[str], known: bool
    ) -> None:
        """Two records of the same thing. ``known``: their secrets were compared."""
        what, newest = differences(kind, mine, theirs, differing, (self.site, self.hub), known=known)
        if not known:
            what = [*untold(kind, mine), *what]
        if what:
            self._found.append(
                Access(
                    sort_of(kind.name),
                    kind.name,
                    key,
                    _shown(kind, key, theirs),
                    tuple(what),
                    ((kind.name, key),),
                    (HUB, SITE, NEWEST) if newest else (HUB, SITE),
                    newest,
                )
            )

    def renamed(self, kind: Kind, here: str, there: str, mine: Document) -> None:
        """Two records of one name that stay two: one of them is called otherwise once joined."""
        if kind.rename is None:
            return
        name = kind.rename.field
        if name not in mine:
            return
        other = [next(iter(kind.rename.variants(mine[name], site))) for site in (self.site, self.hub)]
        two = f"two of one {name} ({mine[name]}): {here} at {self.site}, {there} at {self.hub}"
        what = (f"{two}; {self.site}'s becomes {other[0]}, or {self.hub}'s {other[1]}",)
        shown = _shown(kind, here, mine)
        self._found.append(Access(NAME, kind.name, here, shown, what, ((kind.name, here),)))

    def finish(self) -> tuple[Access, ...]:
        """All that was found, by sort and name."""
        found = [*self._found, *(self._roles(subject) for subject in sorted(self._alone))]
        marked = [replace(item, service=self._serves(item), agent=self._is_agent(item)) for item in found]
        return tuple(sorted(marked, key=lambda item: (item.sort, item.label, item.key)))

    @property
    def along(self) -> dict[str, int]:
        """How many of each kind hold at both sites from then on, with nothing to choose.

        Credentials and trusts of accounts that both have, and grants on what only one of the sites has.
        """
        return dict(self._along)

    def _grant(self, kind: str, key: str, only: str) -> None:
        subject, (kinds, on) = grant_parts(kind, key)
        on_both = kind == "system_assignment" or any(on in self._both.get(name, ()) for name in kinds)
        if subject[1] not in self._both.get(subject[0], ()):
            return
        if not on_both:
            self._along[kind] += 1
            return
        self._alone.setdefault(subject, {}).setdefault(only, []).append((kind, key))

    def _roles(self, subject: tuple[str, str]) -> Access:
        """All the grants of one user, group or role that only one of the sites has."""
        alone = self._alone[subject]
        what = [
            f"{grant_words(kind, key, self._names)}: only at {self.hub if only == HUB else self.site}"
            for only in (HUB, SITE)
            for kind, key in alone.get(only, ())
        ]
        records = tuple(record for only in (HUB, SITE) for record in alone.get(only, ()))
        shown = self._names.get(subject, subject[1])
        return Access(ROLES, subject[0], subject[1], shown, tuple(what), records, (BOTH, HUB, SITE))

    def _look_for_services(self, kind: str, keys: Collection[str]) -> None:
        if kind not in ("assignment", "system_assignment"):
            return
        for key in keys:
            (subject, actor), (_, on) = grant_parts(kind, key)
            role = self._names.get(("role", REGISTRY[kind].split_key(key)[3]), "")
            project = self._names.get(("project", on), "")
            if subject == "user" and (role in _SERVICE_ROLES or project in _SERVICE_PROJECTS):
                self._services.add(actor)

    def _serves(self, item: Access) -> bool:
        return item.kind == "user" and item.key in self._services

    def _is_agent(self, item: Access) -> bool:
        return item.kind == "user" and bool(self._agents & {item.label, item.key})


def _shown(kind: Kind, key: str, document: Document) -> str:
    """By its name, or where it has none by its id: of a credential's type there are many."""
    return label(kind, document) if sort_of(kind.name) != SECRET or "name" in document else key
