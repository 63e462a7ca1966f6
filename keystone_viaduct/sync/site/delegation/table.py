"""The rules in words, for docs/reference/delegation.md."""

from __future__ import annotations

import inspect

from keystone_viaduct.sync.site.delegation import RULES


def table() -> str:
    """A table in Markdown: kind, and what its rule asks for."""
    rows = [f"| `{kind}` | {_sentence(kind)} |" for kind in RULES]
    return "\n".join(["| kind | may be changed |", "| --- | --- |", *rows])


def _sentence(kind: str) -> str:
    return " ".join((inspect.getdoc(RULES[kind]) or "").split()).replace("|", "\\|")
