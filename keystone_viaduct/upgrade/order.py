"""What operations of one upgrade have to do with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .changes import AnyBridge, Change, DropColumn, ShowAs, TakeName
from .move import Move
from .steps import Check, Phase, Refusal, Steps


def clashes(steps: Sequence[Steps], engine: str) -> Iterator[Refusal]:
    """A view of a table loses a column of it, or the table has another name already when it is changed.

    PostgreSQL refuses to drop such a column; on MariaDB and MySQL the view then fails for whoever reads it.
    """
    for place, item in enumerate(steps):
        for view in (change for change in item.expand if isinstance(change, ShowAs)):
            for other in (change for each in steps for change in each.contract):
                shown = not view.columns or getattr(other, "column", "") in view.columns
                if isinstance(other, DropColumn) and other.table == view.table and shown:
                    yield Refusal(
                        engine,
                        f"{view.name} shows {view.table.name}.{other.column}, which goes at contract",
                        "name the columns of the new shape: RenameTable(…, columns=(…))",
                    )
            later = [change for each in steps[place + 1 :] for change in (*each.expand, *each.contract)]
            if any(change.table == view.table for change in later):
                yield Refusal(
                    engine,
                    f"{view.table.name} is changed after it has become {view.name}",
                    "let RenameTable be the last operation of its table",
                )


def in_turn(steps: Sequence[Steps], phase: Phase) -> list[Change]:
    """The changes of all operations; a rollback begins with the last, which may build on those before.

    A column that triggers of several operations name goes when the last of these triggers is gone: on MariaDB
    and MySQL every write would fail meanwhile, and PostgreSQL refuses to drop it.
    """
    turned = list(reversed(steps)) if phase is Phase.ROLLBACK else list(steps)
    found: list[Change] = []
    later: list[list[Change]] = [[] for _ in turned]
    for place, item in enumerate(turned):
        for change in changes_of(item, phase):
            last = max(_naming(turned, change), default=place)
            (later[last] if last > place else found).append(change)
        found += later[place]
    return found


def changes_of(steps: Steps, phase: Phase) -> tuple[Change, ...]:
    """What an operation changes in a phase."""
    by_phase = {
        Phase.EXPAND: steps.expand,
        Phase.CONTRACT: steps.contract,
        Phase.ROLLBACK: steps.rollback,
    }
    return by_phase[phase]


def _naming(steps: Sequence[Steps], change: Change) -> list[int]:
    """The operations whose triggers name a column that goes."""
    if not isinstance(change, DropColumn):
        return []
    column = (change.table.name, change.column)
    return [
        place for place, item in enumerate(steps) if any(column in _named(bridge) for bridge in item.bridges)
    ]


def _named(bridge: AnyBridge) -> set[tuple[str, str]]:
    """(table, column) of both sides."""
    if not isinstance(bridge, Move):
        return {(bridge.table.name, column.name) for column in bridge.columns}
    sides = ((bridge.parent, bridge.on_parent), (bridge.child, bridge.on_child))
    return {(table.name, column.name) for table, columns in sides for column in columns}


def confirmed(steps: Sequence[Steps]) -> list[Check]:
    """What is looked at once more at the end of contract, when tables have their new names."""
    taken = [change for item in steps for change in item.contract if isinstance(change, TakeName)]
    names = {change.table.name: change.name for change in taken}

    def moved(check: Check) -> Check:
        table, key = check.table, check.refers
        if key is not None:
            key = replace(key, refers=names.get(key.refers, key.refers))
        return replace(check, table=replace(table, name=names.get(table.name, table.name)), refers=key)

    return [moved(check) for item in steps for check in item.confirm]
