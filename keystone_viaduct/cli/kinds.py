"""Show every replicated kind: tables, key, names, references, and what is secret, volatile or cascaded."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.cli._options import OUTPUT, Arguments, argument
from keystone_viaduct.cli._terminal import Terminal

HELP = "show the replicated kinds"
SECTION = "other"
EXAMPLES = (
    "viaduct kinds",
    "viaduct kinds user group --format json",
)


PARAMS = (
    argument("kind", help="only these kinds", required=False, nargs=-1),
    *OUTPUT,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Needs no database. Raises UnknownKind."""
    from keystone_viaduct.kinds import registry
    from keystone_viaduct.kinds.describe import describe

    kinds: Any = describe([registry.get(name) for name in args.kind] or None)
    terminal.data(kinds)
    rows = [
        [kind["name"], *(_cell(kind[part]) for part in ("tables", "key", "secret")), _references(kind)]
        for kind in kinds
    ]
    terminal.table("Replicated kinds", ["kind", "tables", "key", "secret", "refers to"], rows)
    return 0


def _cell(values: list[str]) -> str:
    return ", ".join(values)


def _references(kind: dict[str, Any]) -> str:
    return ", ".join(sorted({reference["kind"] for reference in kind["references"]}))
