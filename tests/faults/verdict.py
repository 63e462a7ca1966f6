"""Whether a fleet at rest has kept what was promised."""

from __future__ import annotations

from collections.abc import Mapping
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


class Judge:
    """Compares the ledger with what is there. ``listed``: all conflicts by the ids that they name."""

    def __init__(self, ledger: Ledger, held: Held, listed: Mapping[str, list[str]]) -> None:
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
            if not deleted and ref not in self._ledger.doubtful_deletes and not self._is_listed(ref[1]):
                self.verdict.lost.append(f"{ref} made at {site}")
            return
        if deleted and not self._is_listed(ref[1]):
            self.verdict.resurrected.append(f"{ref} deleted at {self._ledger.deleted[ref]}")
        for name, value in self._ledger.marks.get(ref, {}).items():
            if found.get(name) != value and not self._is_listed(ref[1]):
                self.verdict.lost.append(f"{name} of {ref} set at {value}")

    def _grant(self, triple: Triple, site: str) -> None:
        there = triple in self._held.grants
        user, project, _ = triple
        gone = any(ref not in self._held.records for ref in (("user", user), ("project", project)))
        listed = self._is_listed("/".join(triple[:2]))
        if there and triple in self._ledger.withdrawn and not listed:
            self.verdict.resurrected.append(f"grant {triple}")
        withdrawn = triple in self._ledger.withdrawn or triple in self._ledger.doubtful_withdrawals
        revived = self._was_deleted(("user", user)) or self._was_deleted(("project", project))
        if not there and not withdrawn and not gone and not revived and not listed:
            self.verdict.lost.append(f"grant {triple} given at {site}")

    def _was_deleted(self, ref: Ref) -> bool:
        """Its grants stay deleted when it comes back (and Keystone deletes them one by one)."""
        return ref in self._ledger.deleted or ref in self._ledger.doubtful_deletes

    def _is_listed(self, text: str) -> bool:
        return text in self._listed


def index(conflicts: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Conflicts by their record's id, and by ``user/project`` for grants."""
    found: dict[str, list[str]] = {}
    for conflict in conflicts:
        parts = str(conflict["key"]).split("/")
        names = [str(conflict["key"]), parts[0]]
        if len(parts) >= 4:
            names.append("/".join(parts[1:3]))
        for name in names:
            found.setdefault(name, []).append(str(conflict["explanation"]))
    return found
