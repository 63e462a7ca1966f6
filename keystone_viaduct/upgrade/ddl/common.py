"""What several engines say alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.arming import bridge_specs
from keystone_viaduct.upgrade.constraints import ForeignKey
from keystone_viaduct.upgrade.steps import Lock, Observation, Seen, Statement

Quote = Callable[[str], str]


def drop_triggers(change: c.Disarm, quote: Quote) -> Sequence[Statement]:
    """Before a column goes: a trigger that names it would make every write fail."""
    return tuple(
        Statement(
            f"DROP TRIGGER IF EXISTS {quote(spec.name)}",
            spec.table.name,
            Lock.BRIEF,
            Observation(Seen.TRIGGER, spec.table.name, spec.name, there=False),
        )
        for spec in bridge_specs(change.bridge)
    )


def listed(names: Sequence[str], quote: Quote) -> str:
    """Names with commas between."""
    return ", ".join(quote(name) for name in names)


def foreign_key(name: str, here: str, refers: str, there: str, on_delete: str) -> ForeignKey:
    """As a catalogue tells of one: columns with commas between."""
    return ForeignKey(name, tuple(here.split(",")), refers, tuple(there.split(",")), on_delete)


def references(key: ForeignKey, quote: Quote) -> str:
    """``FOREIGN KEY (a) REFERENCES t (b) ON DELETE …``."""
    action = f" ON DELETE {key.on_delete}" if key.on_delete else ""
    here, there = listed(key.columns, quote), listed(key.referred, quote)
    return f"FOREIGN KEY ({here}) REFERENCES {quote(key.refers)} ({there}){action}"
