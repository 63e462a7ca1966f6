"""What a page may cost, and what is over it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tests.costs.meter import Cost

#: How much more a page of four times as many records may cost than four times as much, and what is never
#: looked at: a few rows of the site's own state come with every page.
TOLERANCE, ROWS, BYTES = 1.15, 60, 30_000


@dataclass(frozen=True)
class Budget:
    """Statements of a page: so many, and so many more for each kind in it."""

    name: str
    said: str
    fixed: int
    per_kind: int

    def most(self, kinds: int) -> int:
        """For a page with so many kinds."""
        return self.fixed + self.per_kind * kinds


CREATE = Budget("create", "new records, from a site that may change everything", 30, 25)
CHANGE = Budget("change", "changed records, from a site that may change everything", 30, 20)
LIMITED = Budget("limited", "changed records, from a site whose delegation is limited", 40, 80)
DELETE = Budget("delete", "deleted records, from a site that may change everything", 30, 25)
READ = Budget("read", "a page that is read, of any records", 15, 8)
BUDGETS = (CREATE, CHANGE, LIMITED, DELETE, READ)


@dataclass
class Case:
    """One sort of page, with ``n`` records and with four times as many."""

    budget: Budget
    kind: str
    small: Cost
    large: Cost
    kinds: int = 1

    def over(self) -> list[str]:
        """What is over the budget, in words."""
        found = [
            f"{cost.statements} statements of {self.budget.most(self.kinds)}"
            for cost in (self.small, self.large)
            if cost.statements > self.budget.most(self.kinds)
        ]
        for name in (field.name for field in fields(Cost) if field.name != "statements"):
            slack = BYTES if name == "bytes" else ROWS
            small, large = getattr(self.small, name), getattr(self.large, name)
            if large > 4 * small * TOLERANCE + slack:
                found.append(f"{name} grows from {small} to {large}")
        return found


def table() -> str:
    """The budgets, in Markdown."""
    rows = [f"| {b.name} | {b.said} | {b.fixed} | {b.per_kind} |" for b in BUDGETS]
    head = ["| page | of | statements | and for each kind |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])
