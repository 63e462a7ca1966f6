"""Show every replicated kind: tables, key, names, references, and what is secret, volatile or cascaded."""

from __future__ import annotations

import argparse
from typing import Any

from keystone_viaduct.cli._terminal import Terminal

HELP = "show the replicated kinds"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("kind", nargs="*", help="only these kinds")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    """Needs no database. Raises UnknownKind."""
    from keystone_viaduct.kinds import registry
    from keystone_viaduct.kinds.describe import describe

    kinds: Any = describe([registry.get(name) for name in args.kind] or None)
    terminal.json(kinds)
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
