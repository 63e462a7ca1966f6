"""The tables of the reference that say what the code says: options, kinds, the agent's metrics.

Each stands in its page between two comments, ``<!-- table: NAME -->`` and ``<!-- end -->``.
``python -m tools.tables`` writes them anew; a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from oslo_config import cfg

from keystone_viaduct import config
from keystone_viaduct.cassandra import settings
from keystone_viaduct.kinds.describe import describe
from keystone_viaduct.kinds.registry import EXCLUDED
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.metrics import LaneCollector
from keystone_viaduct.sync.agent.topology import AgentSettings
from keystone_viaduct.sync.api import options

REFERENCE = Path(__file__).parents[1] / "docs/reference"
PAGES = tuple(REFERENCE / name for name in ("kinds.md", "metrics.md", "options.md"))
_TABLE = re.compile(r"(?P<begin><!-- table: (?P<name>[\w ]+) -->\n).*?(?P<end><!-- end -->)", re.S)


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """In Markdown; what would end a cell is written out."""
    found = [list(titles), *(list(row) for row in rows)]
    lines = [" | ".join(cell.replace("|", "\\|").strip() for cell in row) for row in found]
    return "".join(f"| {line} |\n" for line in (lines[0], " | ".join(["---"] * len(found[0])), *lines[1:]))


def _options(listed: Iterable[cfg.Opt]) -> str:
    return table(
        ("option", "default", ""),
        ((f"`{opt.name}`", _default(opt), f"{_help(opt)}{_choices(opt)}") for opt in listed),
    )


def _default(opt: cfg.Opt) -> str:
    if opt.default in (None, [], {}):
        return "none"
    return f"`{str(opt.default).lower() if isinstance(opt.default, bool) else opt.default}`"


def _help(opt: cfg.Opt) -> str:
    return " ".join(str(opt.help).split())


def _choices(opt: cfg.Opt) -> str:
    choices: dict[str, str | None] = getattr(opt.type, "choices", None) or {}
    told = "; ".join(f"`{name}`: {text}" if text else f"`{name}`" for name, text in choices.items())
    return f" ({told})" if told else ""


def _kinds() -> str:
    found: list[dict[str, Any]] = describe()
    return table(
        ("kind", "tables", "key", "names", "refers to", "secret"),
        (
            (
                f"`{kind['name']}`",
                ", ".join(kind["tables"]),
                ", ".join(kind["key"]),
                "; ".join(" + ".join(natural["fields"]) for natural in kind["natural_keys"]),
                ", ".join(sorted({reference["kind"] for reference in kind["references"]})),
                ", ".join(kind["secret"]),
            )
            for kind in found
        ),
    )


def _excluded() -> str:
    return table(("table", "why it does not travel"), ((f"`{name}`", why) for name, why in EXCLUDED.items()))


def agent_metrics() -> dict[str, tuple[tuple[str, ...], str]]:
    """Each metric of an agent as Prometheus names it, with its labels and what it says."""
    alone: Any = SimpleNamespace(name="east")
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for family in LaneCollector(Agent(alone, {}, AgentSettings(listen=None))).collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels: tuple[str, ...] = tuple(getattr(family, "_labelnames", ()))
        found[name] = labels, family.documentation
    return found


def _agent_metrics() -> str:
    return table(
        ("metric", "labels", ""),
        (
            (f"`{name}`", ", ".join(f"`{label}`" for label in labels), text)
            for name, (labels, text) in agent_metrics().items()
        ),
    )


TABLES: dict[str, Callable[[], str]] = {
    "options of drivers": lambda: _options(config.DRIVER_OPTS),
    "options of databases": lambda: _options(config.SQL_OPTS),
    "options of capture": lambda: _options(config.CAPTURE_OPTS),
    "options of synchronisation": lambda: _options(options.SYNC_OPTS),
    "options of nodes": lambda: _options(settings.NODE_OPTS),
    "options of Cassandra": lambda: _options(settings.OPTS),
    "kinds": _kinds,
    "tables that stay": _excluded,
    "metrics of the agent": _agent_metrics,
}


def rewritten(page: str) -> str:
    """The page with each table as the code has it now."""
    return _TABLE.sub(lambda found: f"{found['begin']}{TABLES[found['name']]()}{found['end']}", page)


def named(page: str) -> list[str]:
    """The tables that a page has."""
    return [found["name"] for found in _TABLE.finditer(page)]


if __name__ == "__main__":
    for file in PAGES:
        file.write_text(rewritten(file.read_text()))
