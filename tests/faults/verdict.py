"""Whether a fleet at rest has kept what was promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.workload import KINDS, Ledger, Ref, Triple


@dataclass
class Verdict:
    """What was broken, in words."""

    lost: list[str] = field(default_factory=list)
    resurrected: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was."""
        return not (self.lost or self.resurrected or self.diverged)


@dataclass(frozen=True)
class Held:
    """What a site serves: its records, and who has which role where."""

    records: Mapping[Ref, Mapping[str, Any]]
    grants: frozenset[Triple]


def held_by(url: str, token: str) -> Held:
    """Ask a Keystone for everything that clients of the workload may have made."""
    headers = {"X-Auth-Token": token}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        records: dict[Ref, Mapping[str, Any]] = {}
        for kind, many in KINDS.items():
            for found in http.get(f"/{many}").raise_for_status().json()[many]:
                records[(kind, str(found["id"]))] = found
        rows = http.get("/role_assignments").raise_for_status().json()["role_assignments"]
    grants = frozenset(
        (str(row["user"]["id"]), str(row["scope"]["project"]["id"]), str(row["role"]["id"]))
        for row in rows
        if "user" in row and "project" in row["scope"]
    )
    return Held(records, grants)


class Listed:
    """The conflicts that were listed: what an operator could read there and bring back."""

    def __init__(self, conflicts: Iterable[Mapping[str, Any]] = ()) -> None:
        self._records: set[tuple[str, str]] = set()
        self._fields: set[tuple[str, str, str]] = set()
        for conflict in conflicts:
            kind, key = str(conflict["kind"]), str(conflict["key"])
            self._records.add((kind, key))
            for name in (*conflict["fields"], *conflict["lost"]):
                self._fields.add((kind, key, str(name)))

    def record(self, ref: Ref) -> bool:
        """Whether anything about this record was decided."""
        return ref in self._records

    def field(self, ref: Ref, name: str) -> bool:
        """Whether this attribute was part of what was decided or lost."""
        return (*ref, f"extra.{name}") in self._fields

    def deletion(self, ref: Ref) -> bool:
        """Whether a deletion of this record was undone."""
        return (*ref, "@deleted") in self._fields

    def grant(self, triple: Triple) -> bool:
        """Whether anything about this grant was decided."""
        return ("assignment", "/".join(("UserProject", *triple, "0"))) in self._records


class Judge:
    """Compares the ledger with what is there. ``listed``: all conflicts that the hub has told of."""

    def __init__(self, ledger: Ledger, held: Held, listed: Listed) -> None:
        self._ledger, self._held, self._listed = ledger, held, listed
        self.verdict = Verdict()

    def judge(self) -> Verdict:
        """All of it."""
        for ref, site in self._ledger.created.items():
            self._record(ref, site)
        for triple, site in self._ledger.granted.items():
            self._grant(triple, site)
        return self.verdict

    def _record(self, ref: Ref, site: str) -> None:
        found = self._held.records.get(ref)
        deleted = ref in self._ledger.deleted
        if found is None:
            if not deleted and ref not in self._ledger.doubtful_deletes and not self._listed.record(ref):
                self.verdict.lost.append(f"{ref} made at {site}")
            return
        if deleted and not self._listed.record(ref):
            self.verdict.resurrected.append(f"{ref} deleted at {self._ledger.deleted[ref]}")
        for name, value in self._ledger.marks.get(ref, {}).items():
            if found.get(name) != value and not (self._listed.field(ref, name) or self._went(ref, name)):
                self.verdict.lost.append(f"{name} of {ref} set at {value}")

    def _went(self, ref: Ref, name: str) -> bool:
        """Whether it went with a record that an edit of another site has brought back."""
        return (ref, name) in self._ledger.gone_along and self._listed.deletion(ref)

    def _grant(self, triple: Triple, site: str) -> None:
        there = triple in self._held.grants
        user, project, _ = triple
        gone = any(ref not in self._held.records for ref in (("user", user), ("project", project)))
        listed = self._listed.grant(triple)
        if there and triple in self._ledger.withdrawn and not listed:
            self.verdict.resurrected.append(f"grant {triple}")
        withdrawn = triple in self._ledger.withdrawn or triple in self._ledger.doubtful_withdrawals
        revived = self._was_deleted(("user", user)) or self._was_deleted(("project", project))
        if not there and not withdrawn and not gone and not revived and not listed:
            self.verdict.lost.append(f"grant {triple} given at {site}")

    def _was_deleted(self, ref: Ref) -> bool:
        """Its grants stay deleted when it comes back (and Keystone deletes them one by one)."""
        return ref in self._ledger.deleted or ref in self._ledger.doubtful_deletes
