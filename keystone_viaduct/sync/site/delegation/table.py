"""The rules, and the list of ways, in words, for docs/reference/delegation.md."""

from __future__ import annotations

import inspect

from keystone_viaduct.sync.site.delegation import RULES
from keystone_viaduct.sync.site.delegation.ways import ASKED, WAYS


def table() -> str:
    """A table in Markdown: kind, and what its rule asks for."""
    rows = [f"| `{kind}` | {_sentence(kind)} |" for kind in RULES]
    return "\n".join(["| kind | may be changed |", "| --- | --- |", *rows])


def ways_table() -> str:
    """A table in Markdown: each way to act as somebody or to shut him out, and who is asked about."""
    about = {way.name: ", and ".join(ASKED[sort].says for sort in way.sorts) for way in WAYS}
    rows = [f"| {way.name} | `{way.kind}` | {way.does} | {about[way.name]} |" for way in WAYS]
    return "\n".join(["| way | kind | lets one | asked about |", "| --- | --- | --- | --- |", *rows])


def _sentence(kind: str) -> str:
    return " ".join((inspect.getdoc(RULES[kind]) or "").split()).replace("|", "\\|")
