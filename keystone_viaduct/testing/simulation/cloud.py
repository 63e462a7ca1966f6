"""What users do: Keystone's own way of editing, in one or several transactions per request, at one site.

Every value written is unique or recorded, so that at the end each acknowledged edit can be accounted for.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import ABSENT, Document, Record, Ref, site_of
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site.content import digests, split_known
from keystone_viaduct.testing.memory import Data, Violation
from keystone_viaduct.testing.simulation.directories import DIRECTORY
from keystone_viaduct.testing.simulation.releases import visible

T = TypeVar("T")

NAMES = ("ada", "bob", "cyd", "dan", "eve")
#: A character that some databases can't hold.
ODD = "\N{PENGUIN}"


class Rows(Protocol):
    """A site's database as its users see it (``simulation.fleet.Database``)."""

    @property
    def data(self) -> Data:
        """What it holds."""

    def known_fields(self, kind: str) -> frozenset[str] | None:
        """What its release of Keystone can store; None for all."""

    def run(self, work: Callable[[Any], T]) -> T:
        """A transaction of the site."""

    def edit(self, writes: list[Write], stamped_at: int) -> None:
        """A transaction of an application. Raises Violation."""


@dataclass(frozen=True)
class Edit:
    """One acknowledged value: at ``site``, ``field`` of ``ref`` was set.

    ``value`` is its ``repr`` (that of None where the field was taken out; '' for a deletion of the record).
    """

    step: int
    site: str
    ref: Ref
    field: str
    value: str

    @property
    def what(self) -> tuple[Ref, str, str]:
        """Which value of which field, whoever wrote it."""
        return (self.ref, self.field, self.value)


@dataclass
class Ledger:
    """All that was acknowledged, and which of it a later edit had seen and replaced."""

    edits: list[Edit] = field(default_factory=list)
    replaced: set[Edit] = field(default_factory=set)
    deleted: list[Edit] = field(default_factory=list)
    created: list[Edit] = field(default_factory=list)
    #: Deletions, each with the sites that had made the same apart: the deletion did not mean theirs.
    apart: dict[Edit, frozenset[str]] = field(default_factory=dict)

    def wrote(
        self, step: int, site: str, ref: Ref, old: Document | None, new: Document | None, numbered: Document
    ) -> None:
        """Note an acknowledged write of ``ref`` at ``site``.

        ``numbered`` holds the values last numbered there (None: the field was not there): who sets a field
        back to them before anybody has read the step between has edited nothing that a site could know of.
        """
        before, after = old or {}, new or {}
        for name, value in before.items():
            if name not in after or after[name] != value:
                seen = Edit(0, "", ref, name, repr(value)).what
                self.replaced.update(edit for edit in self.edits if edit.what == seen)
        for name, value in after.items():
            if name not in before:
                seen = Edit(0, "", ref, name, repr(None)).what
                self.replaced.update(edit for edit in self.edits if edit.what == seen)
            if (name not in before or before[name] != value) and numbered.get(name) != value:
                self.edits.append(Edit(step, site, ref, name, repr(value)))
        if new is not None and numbered:  # (of a record that was never numbered nothing was said)
            gone = [name for name in before if name not in after and numbered.get(name, "") is not None]
            self.edits.extend(Edit(step, site, ref, name, repr(None)) for name in gone)
        if old is None:
            self.created.append(Edit(step, site, ref, "", ""))
        if new is None:
            emptied = [
                e for e in self.edits if e.ref == ref and e.value == repr(None) and e.field not in before
            ]
            self.replaced.update(emptied)
            self.deleted.append(Edit(step, site, ref, "", ""))

    def saw(self, site: str, ref: Ref, record: Record | None) -> None:
        """Of the deletion that was noted last: ``record`` is what the site had until then.

        What a site has let go, or has a tombstone of, made anew and deleted before anybody read it was never
        there: the deletion does not mean the others' record, of which the site could see nothing.
        """
        if record is not None and (record.evicted or record.deleted):
            self.deleted.pop()
            return
        seen = {site, *(site_of(origin) for origin in (record.version.entries if record else ()))}
        makers = {made.site for made in self.created if made.ref == ref}
        if makers - seen:
            self.apart[self.deleted[-1]] = frozenset(makers - seen)

    def made_anew(self, site: str, ref: Ref) -> None:
        """A site has made a record that it had let go: of its own edits the later follows the earlier."""
        self.replaced.update(edit for edit in self.edits if (edit.site, edit.ref) == (site, ref))


class Cloud:
    """One user population over several sites."""

    def __init__(self, chance: random.Random, ledger: Ledger) -> None:
        self.chance = chance
        self.ledger = ledger
        self._named = 0
        self._step = 0
        self._lives: int | None = None

    def begin(self, step: int) -> None:
        """What is unique is so by this step's number."""
        self._step, self._named, self._lives = step, 0, None

    def unique(self, word: str) -> str:
        """A value that occurs once; it does not depend on what happened before this step."""
        self._named += 1
        return f"{word}-{self._step}" + (f"-{self._named}" if self._named > 1 else "")

    def act(self, site: str, store: Rows, step: int, now: int, *, dies_after: int | None = None) -> str:
        """One random request at a site; returns what happened in words.

        ``dies_after``: so many transactions are committed, then the process is gone.
        """
        self.begin(step)
        self._lives = dies_after
        action = self.chance.choice(
            (
                "create_user",
                "create_project",
                "create_group",
                "rename",
                "rename",
                "describe",
                "describe",
                "describe",
                "join",
                "grant",
                "grant",
                "delete",
                "delete_link",
                "credential",
                "swap",
            )
        )
        return str(getattr(self, f"_{action}")(site, store, step, now))

    def seed(self, site: str, store: Rows, now: int) -> None:
        """The first domain and roles, made at one site."""
        for name in ("default", "acme"):
            self._write(site, store, 0, now, Ref("domain", name), self._domain(name))
        for name in ("r1", "r2", "r3", "r4"):
            self.write(site, store, 0, now, Ref("region", name), {"id": name, "description": f"land {name}"})
        service: Document = {"id": "s", "type": "compute", "enabled": True}
        self.write(site, store, 0, now, Ref("service", "s"), service)
        for name in ("admin", "member"):
            role: Document = {"id": name, "name": name, "domain_id": None}
            self._write(site, store, 0, now, Ref("role", name), role)

    def _domain(self, name: str) -> Document:
        return {"id": name, "name": name, "enabled": True}

    def _pick(self, store: Rows, *kinds: str) -> Ref | None:
        """A record of Keystone's own; what an external driver knows is for others to do something with."""
        rows = sorted(ref for ref in store.data.rows if ref.kind in kinds and ref not in DIRECTORY)
        return self.chance.choice(rows) if rows else None

    def write(self, site: str, store: Rows, step: int, now: int, ref: Ref, new: Document | None) -> bool:
        """One request that was made up elsewhere; whether it was acknowledged."""
        self.begin(step)
        return self._write(site, store, step, now, ref, new)

    def delete_tree(self, site: str, store: Rows, step: int, now: int, ref: Ref) -> None:
        """A record with all that belongs to it, the last first."""
        self._delete_tree(site, store, step, now, ref)

    def _write(self, site: str, store: Rows, step: int, now: int, ref: Ref, new: Document | None) -> bool:
        old, before, record = store.data.rows.get(ref), visible(store.data, ref), store.data.records.get(ref)
        known = store.known_fields(ref.kind)
        if new is not None and known is not None:
            new = split_known(new, known)[0]
        if old == new or self._lives == 0:
            return False
        try:
            store.edit([Write(ref, old, new)], now)
        except Violation:
            return False  # the user gets 409: nothing was acknowledged
        if self._lives is not None:
            self._lives -= 1
        after = visible(store.data, ref)
        told = self.numbered(store, ref, before or {}, after or {})
        if before is None and record is not None and record.evicted:
            self.ledger.made_anew(site, ref)
        self.ledger.wrote(step, site, ref, before, after, told)
        if after is None:
            self.ledger.saw(site, ref, record)
        return True

    def numbered(self, store: Rows, ref: Ref, before: Document, values: Document) -> Document:
        """Of these values those that the site's record states, and None for what it states to be absent."""
        record = store.data.records.get(ref)
        if record is None or record.deleted:
            return {}
        secret = store.data.state.fleet_secret
        found = digests(secret, ref.kind, values)
        known = {name: state.digest for name, state in record.fields.items() if state.digest != ABSENT}
        same: Document = {name: value for name, value in values.items() if known.get(name) == found[name]}
        gone: Document = {name: None for name in before if name not in values and name not in known}
        return {**same, **gone, **_beside(record)}

    def _word(self, word: str) -> str:
        """A unique value; now and then one that not every database can hold."""
        return self.unique(word) + ODD * (self._step % 9 == 4)

    def _name(self) -> str:
        """One of a few names, so that they clash; now and then one that not every database can hold, or that
        some of them take for equal to another.
        """
        name = self.chance.choice(NAMES)
        near = (name, name, name, name.capitalize(), f"{name}  ", name.replace("a", "á", 1))
        return self.chance.choice(near) + ODD * (self._step % 11 == 5)

    def _tags(self) -> list[str]:
        """Now and then two that some databases take for equal."""
        tag = self._word("tag")
        return [tag.upper(), tag] if self._step % 5 == 2 else [tag]

    def _create_user(self, site: str, store: Rows, step: int, now: int) -> str:
        domain = self._pick(store, "domain")
        if domain is None:
            return "no domain"
        key, name = self.unique("u"), self._name()
        document: Document = {
            "id": key,
            "domain_id": domain.key,
            "enabled": True,
            "local.name": name,
            "extra.email": self._word("mail"),
            "nickname": self.unique("nick"),
            "passwords": self._passwords(),
        }
        done = self._write(site, store, step, now, Ref("user", key), document)
        return f"create user {key} called {name}: {done}"

    def _passwords(self) -> list[Document]:
        made = 1_700_000_000_000_000 + self._step
        return [
            {
                "created_at_int": made,
                "expires_at_int": None,
                "password_hash": self.unique("hash"),
                "self_service": False,
            }
        ]

    def _create_project(self, site: str, store: Rows, step: int, now: int) -> str:
        domain = self._pick(store, "domain")
        if domain is None:
            return "no domain"
        parent = self._pick(store, "project") if self.chance.random() < 0.3 else None
        if parent is not None and store.data.rows[parent]["domain_id"] != domain.key:
            parent = None
        key, name = self.unique("p"), self._name()
        document: Document = {
            "id": key,
            "domain_id": domain.key,
            "parent_id": parent.key if parent else domain.key,
            "name": name,
            "enabled": True,
            "description": self._word("text"),
            "tier": 1000 + step,
            "tags": [],
        }
        done = self._write(site, store, step, now, Ref("project", key), document)
        return f"create project {key} called {name}: {done}"

    def _create_group(self, site: str, store: Rows, step: int, now: int) -> str:
        domain = self._pick(store, "domain")
        if domain is None:
            return "no domain"
        key, name = self.unique("g"), self._name()
        document: Document = {"id": key, "domain_id": domain.key, "name": name, "motto": self._word("motto")}
        done = self._write(site, store, step, now, Ref("group", key), document)
        return f"create group {key} called {name}: {done}"

    def _rename(self, site: str, store: Rows, step: int, now: int) -> str:
        ref = self._pick(store, "user", "project", "group")
        if ref is None:
            return "nothing to rename"
        name = self._name()
        new = {**store.data.rows[ref], "local.name" if ref.kind == "user" else "name": name}
        return f"rename {ref} to {name}: {self._write(site, store, step, now, ref, new)}"

    def _describe(self, site: str, store: Rows, step: int, now: int) -> str:
        ref = self._pick(store, "user", "project")
        if ref is None:
            return "nothing to describe"
        if ref.kind == "user":
            name = self.chance.choice(("extra.email", "passwords", "extra.phone", "nickname", "option.1999"))
            value: object = self._passwords() if name == "passwords" else self._word("word")
        else:
            name = self.chance.choice(("description", "tags", "extra.cost", "tier", "option.2000"))
            value = self._tags() if name == "tags" else self._word("word")
            value = 1000 + self._step if name == "tier" else value
        new = {**store.data.rows[ref], name: value}
        if name.startswith(("extra.", "option.")) and self.chance.random() < 0.2:
            new.pop(name)
        return f"set {name} of {ref} to {value}: {self._write(site, store, step, now, ref, new)}"

    def _join(self, site: str, store: Rows, step: int, now: int) -> str:
        user, group = self._pick(store, "user"), self._pick(store, "group")
        if user is None or group is None:
            return "nobody to join"
        ref = Ref("membership", REGISTRY["membership"].make_key(user.key, group.key))
        new: Document = {"user_id": user.key, "group_id": group.key}
        return f"{user} joins {group}: {self._write(site, store, step, now, ref, new)}"

    def _grant(self, site: str, store: Rows, step: int, now: int) -> str:
        actor, target, role = (
            self._pick(store, "user", "group"),
            self._pick(store, "project", "domain"),
            self._pick(store, "role"),
        )
        if actor is None or target is None or role is None:
            return "nothing to grant"
        sort = f"{actor.kind.capitalize()}{target.kind.capitalize()}"
        key = REGISTRY["assignment"].make_key(sort, actor.key, target.key, role.key, False)
        new: Document = {
            "type": sort,
            "actor_id": actor.key,
            "target_id": target.key,
            "role_id": role.key,
            "inherited": False,
        }
        done = self._write(site, store, step, now, Ref("assignment", key), new)
        return f"grant {role.key} to {actor} on {target}: {done}"

    def _credential(self, site: str, store: Rows, step: int, now: int) -> str:
        user = self._pick(store, "user")
        if user is None:
            return "nobody"
        key = self.unique("c")
        new: Document = {"id": key, "user_id": user.key, "type": "totp", "blob": self._word("blob")}
        done = self._write(site, store, step, now, Ref("credential", key), new)
        return f"credential {key} for {user}: {done}"

    def _delete_link(self, site: str, store: Rows, step: int, now: int) -> str:
        ref = self._pick(store, "membership", "assignment", "credential")
        return f"delete {ref}: {self._write(site, store, step, now, ref, None) if ref else False}"

    def _delete(self, site: str, store: Rows, step: int, now: int) -> str:
        """As a manager does: first what belongs to it, each in a transaction of its own, then the record."""
        kinds = ("user", "project", "group", "role") if self.chance.random() < 0.9 else ("domain",)
        ref = self._pick(store, *kinds)
        if ref is None:
            return "nothing to delete"
        self._delete_tree(site, store, step, now, ref)
        return f"delete {ref} and what belongs to it: {ref not in store.data.rows}"

    def _delete_tree(self, site: str, store: Rows, step: int, now: int, ref: Ref) -> None:
        found = store.run(lambda tx: tx.referrers([ref], frozenset({Mode.OWNING})))
        dependents = found.get(ref, []) if ref not in DIRECTORY else []  # Keystone removes a shadow alone
        for dependent in dependents:
            if dependent in store.data.rows:
                self._delete_tree(site, store, step, now, dependent)
        self._write(site, store, step, now, ref, None)

    def _swap(self, site: str, store: Rows, step: int, now: int) -> str:
        """Two users exchange their names, by a third name, as an operator would."""
        first, second = self._pick(store, "user"), self._pick(store, "user")
        if first is None or second is None or first == second:
            return "nobody to swap"
        rows = store.data.rows
        one, two = rows[first]["local.name"], rows[second]["local.name"]
        for ref, name in ((first, self.unique("tmp")), (second, one), (first, two)):
            if not self._write(site, store, step, now, ref, {**store.data.rows[ref], "local.name": name}):
                return f"swap {first} and {second}: stopped half-way"
        return f"swap the names of {first} and {second}"


def _beside(record: Record) -> Document:
    """What a row says in the stead of what its record carries; None where it says nothing."""
    carried = record.carried
    if carried is None or carried.base is None:
        return {}
    return {name: carried.base.get(name) for name in carried.base.keys() | carried.document.keys()}
