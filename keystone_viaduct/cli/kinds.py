"""Show every replicated kind: tables, key, names, references, and what is secret, volatile or cascaded.

With --site also which fields of it that site can store, which depends on the release of its Keystone.
"""

from __future__ import annotations

from typing import Any

from keystone_viaduct.cli._options import FLEET, OUTPUT, Arguments, argument, option
from keystone_viaduct.cli._terminal import Terminal

HELP = "show the replicated kinds"
SECTION = "other"
EXAMPLES = (
    "viaduct kinds",
    "viaduct kinds user group --format json",
    "viaduct kinds user --site west",
)


PARAMS = (
    argument("kind", help="only these kinds", required=False, nargs=-1),
    option("--site", metavar="SITE", help="also the fields that this site can store"),
    *OUTPUT,
    FLEET,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Needs no database. Raises UnknownKind."""
    from keystone_viaduct.kinds import registry
    from keystone_viaduct.kinds.describe import describe

    kinds: Any = describe([registry.get(name) for name in args.kind] or None)
    stored = _stored(args) if args.site else None
    if stored is not None:
        kinds = [{**kind, "fields": stored.get(kind["name"], [])} for kind in kinds]
    terminal.data(kinds)
    rows = [
        [kind["name"], *(_cell(kind[part]) for part in ("tables", "key", "secret")), _references(kind)]
        for kind in kinds
    ]
    terminal.table("Replicated kinds", ["kind", "tables", "key", "secret", "refers to"], rows)
    if stored is not None:
        fields = [[kind["name"], _cell(kind["fields"]) or "none: it has no such kind"] for kind in kinds]
        terminal.table(f"What {args.site} can store", ["kind", "fields"], fields)
    return 0


def _stored(args: Arguments) -> dict[str, list[str]]:
    """The fields of each kind that a site knows, as it says itself."""
    from keystone_viaduct.cli import _fleet

    told = _fleet.open_site(args, args.site).capabilities()
    return {kind: sorted(fields) for kind, fields in told.kinds.items()}


def _cell(values: list[str]) -> str:
    return ", ".join(values)


def _references(kind: dict[str, Any]) -> str:
    return ", ".join(sorted({reference["kind"] for reference in kind["references"]}))
