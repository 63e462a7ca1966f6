"""Import-linter contracts: a table of who may import whom, complete by construction, and no circle.

import-linter's own contracts fail for a module that does not exist yet and say nothing about one that nobody
has listed. Here each line of ``packages`` is ``package: package package ...`` (names below the root package).
A line for a package that does not exist yet is harmless; a module that no line covers is an error. A package
with a line of its own does not inherit its parent's, and it may always import itself.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class MayImport(Contract):
    """Every direct import between two packages of the table is allowed by the importer's line."""

    type_name = "may_import"

    root = fields.StringField()
    packages = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare the graph's direct imports with the table."""
        table = self._table()
        illegal: list[str] = []
        unlisted: list[str] = []
        for module in sorted(graph.modules):
            if not module.startswith(f"{self.root}."):
                continue
            owner = self._owner(module, table)
            if owner is None:
                unlisted += [module] if graph.find_modules_directly_imported_by(module) else []
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                target = self._owner(imported, table)
                if target is not None and target != owner and target not in table[owner]:
                    illegal.append(f"{module} imports {imported}: {owner} may not import {target}")
        return ContractCheck(
            kept=not illegal and not unlisted, metadata={"illegal": illegal, "unlisted": unlisted}
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that the table does not allow."""
        for line in check.metadata["illegal"]:
            output.print_error(line)
        for module in check.metadata["unlisted"]:
            output.print_error(f"{module} is in no line of the table (pyproject.toml, tool.importlinter)")

    def _table(self) -> dict[str, set[str]]:
        lines = (line.partition(":") for line in self.packages)  # type: ignore[attr-defined]
        table = {name.strip(): set(allowed.split()) for name, _, allowed in lines}
        unknown = set().union(*table.values()) - set(table)
        if unknown:
            raise ValueError(f"packages that have no line of their own: {', '.join(sorted(unknown))}")
        return table

    def _owner(self, module: str, table: dict[str, set[str]]) -> str | None:
        """The longest line of the table that covers a module of ours; None for all others."""
        name = module.removeprefix(f"{self.root}.")
        covering = [line for line in table if name == line or name.startswith(f"{line}.")]
        return max(covering, key=len, default=None) if name != module else None


class NoCircle(Contract):
    """No module imports itself by way of others, be it only for its types."""

    type_name = "no_circle"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Put all modules in an order in which each comes after those that it imports."""
        imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        try:
            TopologicalSorter(imported).prepare()
        except CycleError as error:
            return ContractCheck(kept=False, metadata={"circle": error.args[1]})
        return ContractCheck(kept=True)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the circle, each module before one that imports it."""
        output.print_error(" <- ".join(check.metadata["circle"]))
