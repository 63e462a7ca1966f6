"""``make test-upgrade-rules``: each clause of the rules of a bridge broken, and the named test that fails.

The switches are here and not in the product: each changes the compiler or the runner in one place. The tests
are those of ``make test``, where they pass. The last line is ``clauses=N caught=N missed=0``; the exit code
is 1 if a test did not notice. Tests on a server that is not here are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from _pytest.runner import runtestprotocol

from keystone_viaduct.triggers import branch, expressions, new, old, reaching, rendering
from keystone_viaduct.triggers import compiler as targets
from keystone_viaduct.triggers.spec import Timing, TriggerSpec
from keystone_viaduct.upgrade import (
    across,
    arming,
    backfill,
    preflight,
    runner,
    settling,
    shape,
    turns,
    verify,
)
from keystone_viaduct.upgrade import expression as e
from keystone_viaduct.upgrade import rendering as sql
from keystone_viaduct.upgrade.changes import Relax
from keystone_viaduct.upgrade.ddl import database, mysql, mysql_running, session
from keystone_viaduct.upgrade.marks import MARKS
from keystone_viaduct.upgrade.operations import ReplaceColumns
from keystone_viaduct.upgrade.shape import Bridge
from keystone_viaduct.upgrade.steps import Phase, State

#: A test that fails so has met a mistake of the switch and not the missing rule.
MISTAKEN, MISTAKES = "the switch itself is wrong", ("TypeError", "AttributeError", "NameError", "fixture")
Switch = Callable[[pytest.MonkeyPatch], None]


class Mutation(NamedTuple):
    """A rule, what is done instead, how that is done, and the test that notices."""

    rule: int
    instead: str
    switch: Switch
    test: str

    @property
    def engine(self) -> str:
        """What the test needs; '' without a server."""
        return next((name for name in ("postgresql", "mariadb", "mysql") if f"[{name}" in self.test), "")


_SHAPE = "tests/unit/upgrade/test_shape.py"
_RUNNER = "tests/unit/upgrade/test_runner.py"
_RULES = "tests/integration/upgrade/test_rules.py"
_LIFE = "tests/integration/upgrade/test_lifecycle.py"
_MOVES = "tests/integration/upgrade/test_moves.py"
_WAITING = "tests/integration/upgrade/test_waiting.py"
_PREFLIGHT = "tests/integration/upgrade/test_preflight.py"
_CAPTURE = "tests/integration/upgrade/test_capture.py"
_GOLDEN = "tests/golden/bridges/test_golden_bridges.py::test_the_sql_of_every_bridge_is_the_committed_one"
_PLAYED = (
    "tests/bridges/test_bridges.py::test_a_bridged_table_holds_what_the_model_holds_and_refuses_nothing_more"
)
_ACROSS = (
    "tests/bridges/test_bridges.py"
    "::test_nothing_that_was_written_is_lost_between_tables_once_marks_are_settled"
)
_BACKFILL = f"{_LIFE}::test_a_backfill_leaves_what_down_cannot_express"
_BUSY = f"{_MOVES}::test_a_busy_counterpart_is_not_waited_for_but_marked_and_settled"
_BOTH_WRITE = f"{_LIFE}::test_old_and_new_code_write_between_the_phases"
_FIRST = f"{_CAPTURE}::test_a_backfill_marks_nothing_and_each_write_of_either_release_marks_its_record"


def _specs_with(patch: pytest.MonkeyPatch, **other: Any) -> None:
    """The triggers of bridges within a row are made otherwise."""

    def made(*arguments: Any, **options: Any) -> TriggerSpec:
        return replace(TriggerSpec(*arguments, **options), **other)

    patch.setattr(arming, "TriggerSpec", made)


def _act_always(patch: pytest.MonkeyPatch) -> None:
    _specs_with(patch, when=None)
    patch.setattr(Bridge, "reversible", property(lambda bridge: True))


def _equal_but_not_null(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sql, "null_safe_same", lambda left, right: left == right)
    patch.setattr(sql, "differs", lambda left, right: left != right)
    patch.setattr(arming, "has_changed", lambda column: old(column) != new(column))


def _by_collation(patch: pytest.MonkeyPatch) -> None:
    class Never:
        """The type of nothing."""

    known = {name: getattr(sa.types, name) for name in dir(sa.types) if name[0].isupper()}
    patch.setattr(expressions, "types", SimpleNamespace(**{**known, "String": Never, "NullType": Never}))


def _one_direction(name: str) -> Switch:
    return lambda patch: patch.setattr(Bridge, "consistent", getattr(Bridge, name))


def _old_wins(patch: pytest.MonkeyPatch) -> None:
    updated = arming._Bodies.updated
    patch.setattr(arming._Bodies, "updated", lambda bodies: tuple(reversed(updated(bodies))))


def _inserts_are_old(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(arming._Bodies, "inserted", lambda bodies: (branch(None, *bodies._up),))


def _inserts_are_new(patch: pytest.MonkeyPatch) -> None:
    def inserted(bodies: Any) -> tuple[Any, ...]:
        silent = sa.and_(*(new(bodies.table.c[column.name]).is_(None) for column in bodies.bridge.old))
        return (branch(silent, *bodies._down), branch(None, *bodies._up))

    patch.setattr(arming._Bodies, "inserted", inserted)


def _strict_on_sqlite(patch: pytest.MonkeyPatch) -> None:
    steps = ReplaceColumns.steps

    def without(operation: ReplaceColumns, server: Any) -> Any:
        found: Any = steps(operation, server)
        return replace(found, expand=tuple(item for item in found.expand if not isinstance(item, Relax)))

    patch.setattr(ReplaceColumns, "steps", without)


def _update_of(patch: pytest.MonkeyPatch) -> None:
    header = rendering.Renderer.header

    def watching(render: Any, timing: Any = None, watched: Sequence[str] = ()) -> str:
        names = [column.name for column in render.spec.table.c if column.name in ("owner", "holder")]
        is_update = render.spec.event.value == "update"
        return header(render, timing, watched or (names if is_update else ()))

    patch.setattr(rendering.Renderer, "header", watching)


def _no_marks(patch: pytest.MonkeyPatch) -> None:
    nothing = sa.delete(MARKS).where(MARKS.c.bridge == "")
    for name in ("_mark", "_mark_child"):
        patch.setattr(across._Specs, name, lambda *_: nothing)


def _no_handler(patch: pytest.MonkeyPatch) -> None:
    declared = reaching.MySQLSteps.declared

    def without(steps: Any, spec: Any, render: Any) -> list[str]:
        return [line for line in declared(steps, spec, render) if "HANDLER" not in line]

    patch.setattr(reaching.MySQLSteps, "declared", without)


def _lock_on_mysql(patch: pytest.MonkeyPatch) -> None:
    target: Any = targets.TARGETS["mysql"]
    patch.setattr(target._steps, "_skips", True)


def _settle_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling.MoveSettler, "settle", lambda settler, connection, record: True)


def _convert_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sql, "_is_integer", lambda text: sa.true())


def _all_fits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shape, "always_fits", lambda value, type_, known: True)


def _no_fallback(patch: pytest.MonkeyPatch) -> None:
    said = sql._sql
    patch.setattr(
        sql,
        "_sql",
        lambda node, resolve: said(node.of if isinstance(node, e.Guarded) else node, resolve),
    )
    patch.setattr(sql, "simplified", lambda expression: expression)


def _silent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verify, "failing", lambda value, resolve: sa.false())


def _any_mode(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mysql_running, "SQL_MODE", "")
    patch.setattr(session, "SQL_MODE", "")


def _any_charset(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mysql_running, "CHARSET", "latin1")


def _any_definer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(preflight, "_definers", lambda connection, server: iter(()))


def _contract_unverified(patch: pytest.MonkeyPatch) -> None:
    _, during, after = turns.TURN[Phase.CONTRACT]
    begin = frozenset({State.MIGRATED, State.VERIFIED})
    patch.setitem(turns.TURN, Phase.CONTRACT, (begin, during, after))


def _verified_all_the_same(patch: pytest.MonkeyPatch) -> None:
    found = runner.Runner._differences

    def harmless(run: Any, steps: Any, *, written: bool) -> Any:
        return [(name, replace(item, fatal=False)) for name, item in found(run, steps, written=written)]

    patch.setattr(runner.Runner, "_differences", harmless)


def _new_code_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(turns._NEXT, State.MIGRATED, turns._NEXT[State.VERIFIED])


def _no_backfill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(backfill.SqlFiller, "fill", lambda *_: iter(()))


def _named_behind(patch: pytest.MonkeyPatch) -> None:
    for module in (arming, database):
        patch.setattr(module, "PREFIX", "viaduct_z_")


def _behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mysql, "_before_others", lambda made, spec, server: made)


MUTATIONS = (
    Mutation(1, "triggers act on consistent rows, too", _act_always, f"{_BACKFILL}[sqlite]"),
    Mutation(1, "triggers act on consistent rows, too", _act_always, f"{_BACKFILL}[mariadb]"),
    Mutation(1, "NULL is equal to nothing", _equal_but_not_null, f"{_PLAYED}[sqlite-rename column]"),
    Mutation(1, "texts are compared by collation", _by_collation, f"{_PLAYED}[mariadb-rename column]"),
    Mutation(
        1,
        "a row is consistent by up alone",
        _one_direction("filled"),
        f"{_SHAPE}::test_what_a_lossy_down_cannot_express_is_kept",
    ),
    Mutation(
        1,
        "a row is consistent by down alone",
        _one_direction("derived"),
        f"{_SHAPE}::test_a_row_is_consistent_by_either_direction",
    ),
    Mutation(1, "the old side wins", _old_wins, f"{_PLAYED}[sqlite-rename column]"),
    Mutation(1, "an INSERT is an old writer's", _inserts_are_old, f"{_BOTH_WRITE}[sqlite]"),
    Mutation(
        1,
        "a row of neither side is a new writer's",
        _inserts_are_new,
        f"{_RULES}::test_a_row_with_neither_side_is_an_old_writers[sqlite]",
    ),
    Mutation(
        2,
        "triggers run after the row is written",
        lambda patch: _specs_with(patch, timing=Timing.AFTER),
        f"{_BOTH_WRITE}[postgresql]",
    ),
    Mutation(2, "old columns stay NOT NULL on SQLite", _strict_on_sqlite, f"{_BOTH_WRITE}[sqlite]"),
    Mutation(
        2,
        "UPDATE OF the bridged columns",
        _update_of,
        f"{_RULES}::test_what_another_trigger_changes_is_followed_though_the_statement_does_not_name_it"
        "[postgresql]",
    ),
    Mutation(
        2, "SECURITY DEFINER", lambda patch: _specs_with(patch, invoker=False), f"{_GOLDEN}[postgresql]"
    ),
    Mutation(
        3,
        "a busy row is waited for",
        lambda patch: patch.setattr(reaching, "_PG_LOCK", "FOR NO KEY UPDATE"),
        f"{_BUSY}[postgresql-move column 1:1 to child]",
    ),
    Mutation(
        3,
        "a busy row is waited for",
        lambda patch: patch.setattr(reaching, "_MYSQL_LOCK", "FOR UPDATE"),
        f"{_BUSY}[mariadb-move column 1:1 to child]",
    ),
    Mutation(3, "a trigger locks on MySQL", _lock_on_mysql, f"{_BUSY}[mysql-move column 1:1 to child]"),
    Mutation(3, "a busy row is not marked", _no_marks, f"{_BUSY}[postgresql-move column 1:1 to child]"),
    Mutation(3, "1442 is not caught", _no_handler, f"{_ACROSS}[mariadb-move column 1:n, not null]"),
    Mutation(3, "nobody settles marks", _settle_nothing, f"{_BUSY}[postgresql-move column 1:1 to child]"),
    Mutation(4, "what is no number is converted", _convert_anything, f"{_PLAYED}[postgresql-change type]"),
    Mutation(4, "what does not fit is stored", _all_fits, f"{_PLAYED}[postgresql-change type, narrower]"),
    Mutation(4, "the fallback is forgotten", _no_fallback, f"{_PLAYED}[sqlite-change type]"),
    Mutation(
        4,
        "verify is silent about what can't be converted",
        _silent,
        f"{_LIFE}::test_verify_lists_what_could_not_be_converted_and_what_is_not_exact[sqlite]",
    ),
    Mutation(
        4,
        "triggers keep whatever sql_mode there was",
        _any_mode,
        f"{_WAITING}::test_triggers_keep_the_settings_that_we_pin_whatever_the_server_has[mariadb]",
    ),
    Mutation(
        4,
        "triggers keep whatever character set there was",
        _any_charset,
        f"{_WAITING}::test_triggers_keep_the_settings_that_we_pin_whatever_the_server_has[mariadb]",
    ),
    Mutation(
        4,
        "nobody looks for the definer",
        _any_definer,
        f"{_PREFLIGHT}::test_a_trigger_whose_definer_is_gone_is_found[mariadb]",
    ),
    Mutation(
        5,
        "contract before verification",
        _contract_unverified,
        f"{_LIFE}::test_new_code_starts_only_after_verification_so_the_runner_keeps_the_order",
    ),
    Mutation(
        5,
        "verified, though rows differ",
        _verified_all_the_same,
        f"{_RULES}::test_an_upgrade_whose_rows_differ_is_not_verified",
    ),
    Mutation(5, "rows are not filled", _no_backfill, f"{_BACKFILL}[sqlite]"),
    Mutation(
        5,
        "new code is started after migrate",
        _new_code_at_once,
        f"{_RUNNER}::test_only_after_verification_an_operator_is_told_to_start_new_code",
    ),
    Mutation(6, "names that sort behind capture's", _named_behind, f"{_FIRST}[postgresql]"),
    Mutation(6, "no PRECEDES", _behind, f"{_FIRST}[mariadb]"),
)
#: The rules of docs/explanation/upgrades.md.
RULES = range(1, 7)


class Played:
    """A plugin of pytest: plays each test once for each mutation that it should notice."""

    def __init__(self, mutations: Sequence[Mutation]) -> None:
        self._by_test: dict[str, list[Mutation]] = defaultdict(list)
        for mutation in mutations:
            self._by_test[mutation.test].append(mutation)
        self.told: dict[Mutation, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> bool:
        """Servers stay until the last test."""
        chosen = self._by_test[item.nodeid]
        for mutation in chosen:
            others = [other for other in item.session.items if other is not item]
            following = nextitem if mutation is chosen[-1] or not others else others[0]
            with pytest.MonkeyPatch.context() as patch:
                _forget()
                mutation.switch(patch)
                random.seed(7)
                item._initrequest()
                self.told[mutation] = _said(runtestprotocol(item, nextitem=following, log=False))
            _forget()
        return True


def _forget() -> None:
    """What was compiled before."""
    for made in (arming.compiled_bridge, arming._row_specs, across.move_specs):
        made.cache_clear()


def _said(reports: Sequence[Any]) -> str:
    """How a test failed; '' if it did not."""
    for report in reports:
        if report.skipped:
            return f"left out: {report.longrepr[2]}"
        if report.failed:
            text = str(getattr(report.longrepr, "reprcrash", report.longrepr))
            said = " ".join(text.split(": ", 2)[-1].split())
            if any(mistake in text for mistake in MISTAKES):
                return f"{MISTAKEN}: {text}"
            return said or "failed"
    return ""


def play(mutations: Sequence[Mutation]) -> dict[Mutation, str]:
    """By mutation how its test failed; '' where it did not. Raises RuntimeError if a test is not there."""
    played = Played(mutations)
    nodes = list(dict.fromkeys(mutation.test for mutation in mutations))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        pytest.main([*nodes, "-q", "-p", "no:cacheprovider", "-p", "no:xdist"], plugins=[played])
    if missing := [item for item in mutations if item not in played.told]:
        raise RuntimeError(f"{missing[0].test} was not run: {printed.getvalue()[-3000:]}")
    if wrong := [text for text in played.told.values() if text.startswith(MISTAKEN)]:
        raise RuntimeError(wrong[0])
    return played.told


def main() -> int:
    """Print the table; exit status 1 when a broken rule was not noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rule", type=int, action="append", help="only clauses of this rule")
    parser.add_argument("--quick", action="store_true", help="only tests that need no server")
    arguments = parser.parse_args()
    chosen = [item for item in MUTATIONS if not arguments.rule or item.rule in arguments.rule]
    chosen = [item for item in chosen if not (arguments.quick and item.engine)]
    told = play(chosen)
    for mutation in chosen:
        name = mutation.test.rpartition("::")[2]
        print(f"rule {mutation.rule}  {mutation.instead}: {name}: {told[mutation][:80] or 'NOT NOTICED'}")
    missed = [item for item in chosen if not told[item]]
    left_out = sum(text.startswith("left out") for text in told.values())
    caught = len(chosen) - len(missed) - left_out
    print(f"clauses={len(chosen)} caught={caught} missed={len(missed)} left_out={left_out}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
