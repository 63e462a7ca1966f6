"""A constraint that the rows will have to meet: a condition, a reference, or that no two are alike."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.constraints import ForeignKey, Index
from keystone_viaduct.upgrade.expression import Condition
from keystone_viaduct.upgrade.shape import Column, Table
from keystone_viaduct.upgrade.steps import Check, Refusal, Server, Steps


@dataclass(frozen=True)
class AddConstraint:
    """One of ``check``, ``refers`` and ``unique`` holds from contract on; until then old code may break it.

    ``check`` with the columns that it reads; a column that takes NULL must say in it that it may.
    """

    table: Table
    name: str
    check: Condition | None = None
    columns: tuple[Column, ...] = ()
    refers: ForeignKey | None = None
    unique: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """``port: + constraint port_range``."""
        return f"{self.table.name}: + constraint {self.name}"

    def steps(self, server: Server) -> Steps | Refusal:
        """Verified before, made at contract, and looked at once more where making it looks at no row."""
        table = self.table
        if sum((self.check is not None, self.refers is not None, bool(self.unique))) != 1:
            return Refusal(server.engine, f"{self.name} says nothing, or several things", "give one of them")
        if self.check is not None:
            found = Check(self.name, table, self.check, self.columns)
            made: c.Change = c.AddCheck(table, self.name, self.check, self.columns)
        elif self.refers is not None:
            found = Check(self.name, table, refers=self.refers)
            made = c.AddForeignKey(table, self.refers)
        else:
            found = Check(self.name, table, unique=self.unique)
            made = c.AddIndex(table, Index(self.name, self.unique, unique=True, constraint=True))
        return Steps(expand=(), checks=(found,), contract=(made,), confirm=(found,))
