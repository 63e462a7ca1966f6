"""Columns move from one table to another one that a foreign key links to it."""

from __future__ import annotations

from dataclasses import dataclass

from keystone_viaduct.upgrade import changes as c
from keystone_viaduct.upgrade.move import Move
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.steps import Check, Refusal, Server, Steps

from .replace_columns import let_go

#: Since when SKIP LOCKED is there.
_SKIP_LOCKED = {"mariadb": (10, 6), "mysql": (8, 0)}


@dataclass(frozen=True)
class MoveColumn:
    """The old columns of a move are replaced by its new ones."""

    move: Move

    @property
    def title(self) -> str:
        """``local_user.domain_id -> user.domain_id``."""
        sides = zip(self.move.tables, (self.move.old, self.move.new), strict=True)
        old, new = (f"{table.name}.{', '.join(item.name for item in side)}" for table, side in sides)
        return f"{old} -> {new}"

    def steps(self, server: Server) -> Steps | Refusal:
        """The same on all engines; only SQLite has to let the old columns take NULL from the beginning."""
        needed = _SKIP_LOCKED.get(server.engine)
        if needed is not None and server.version[:2] < needed and server.version != (0,):
            least = ".".join(map(str, needed))
            return Refusal(
                server.engine,
                f"version {'.'.join(map(str, server.version))} has no SKIP LOCKED, so triggers would wait",
                f"upgrade the server to {least} first, or move the column in a time without writers",
            )
        move = self.move.on(server.engine)
        before, after = move.tables
        strict = [column for column in move.old if not column.nullable]
        required = [column for column in move.new if not column.nullable]
        relaxed = strict if server.engine == "sqlite" and not move.one_way else []
        return Steps(
            expand=(
                *(c.Relax(before, column) for column in relaxed),
                *(c.AddColumn(after, column.bridged()) for column in move.new),
                c.MakeMarks(before),
                c.Arm(before, move),
            ),
            bridges=(move,),
            checks=tuple(Check.present(after, column) for column in required),
            contract=self._contract(strict, relaxed, required, server),
            rollback=(
                c.Disarm(before, move),
                *(c.DropColumn(after, column.name, column.type) for column in move.new),
                *(c.Require(before, column) for column in relaxed),
            ),
        )

    def _contract(
        self, strict: list[Column], relaxed: list[Column], required: list[Column], server: Server
    ) -> tuple[c.Change, ...]:
        before, after = self.move.tables
        goes = not self.move.keeps
        leaving = strict if server.engine != "sqlite" and goes else []
        given = [column for column in self.move.new if column.default is not None]
        again = relaxed if not goes else []
        return (
            *(let_go(before, column, self.move.down) for column in leaving),
            c.Disarm(before, self.move.on(server.engine)),
            *(c.Require(after, column) for column in required),
            *(c.SetDefault(after, column, column.default) for column in given),
            *(c.DropColumn(before, column.name, column.type) for column in self.move.old if goes),
            *(c.Require(before, column) for column in again),
        )
