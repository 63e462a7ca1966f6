"""Each rule of the protocol taken out, and what notices: ``python -m tests.simulation.mutations``.

The switches are here and not in the product. A rule is seen to be needed when without it the simulation
breaks an invariant, or a scenario fails that is told elsewhere.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from keystone_viaduct.errors import CheckpointMismatch, OldTerm, ViaductError
from keystone_viaduct.sync.charter import Coverage
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.model import (
    Change,
    Document,
    Purged,
    Record,
    Ref,
    SiteState,
    Version,
    comparison,
    page,
    state,
)
from keystone_viaduct.sync.site import (
    apply,
    applying,
    compare,
    content,
    feed,
    merge,
    readiness,
    settle,
    site,
    sweep,
    verdict,
)
from keystone_viaduct.sync.site.guard import Guard
from keystone_viaduct.sync.site.invariants import Invariants
from keystone_viaduct.sync.site.needs import Need, needs
from keystone_viaduct.sync.site.nonce import seeded
from keystone_viaduct.sync.site.verdict import Verdict
from keystone_viaduct.testing.memory import MemoryTransaction
from keystone_viaduct.testing.simulate import Setting
from keystone_viaduct.testing.simulation.events import BY_HAND
from keystone_viaduct.testing.simulation.run import play
from tests.simulation import (
    test_carried,
    test_comparison,
    test_coverage,
    test_external,
    test_scenarios,
    test_sweep,
)
from tests.simulation.scene import Scene

#: Seeds that the simulation may take to notice; with all rules in place they are all sound.
FIRST, SEEDS = 8000, 1000
SETTING = Setting(sites=6, also=BY_HAND)
MISTAKES = frozenset({"TypeError", "AttributeError", "NameError", "KeyError"})
Switch = Callable[[pytest.MonkeyPatch], None]


class Mutation(NamedTuple):
    """A rule, what is done instead, how that is done, and a scenario that notices, as random runs do."""

    rule: int
    instead: str
    switch: Switch
    scenario: Callable[[], None] | None = None


def caught(mutation: Mutation) -> str:
    """What noticed the missing rule: random runs, and its scenario if it has one; '' if either did not."""
    with pytest.MonkeyPatch.context() as patch:
        mutation.switch(patch)
        by = _by_simulation()
        told = _by_scenario(mutation.scenario) if by and mutation.scenario else ""
    return "" if mutation.scenario and not told else ", ".join(filter(None, (by, told)))


def _by_simulation() -> str:
    for number in range(FIRST, FIRST + SEEDS):
        outcome = play(number, SETTING.sites, SETTING.plan(number), SETTING.database)
        if outcome.broken in MISTAKES:
            raise RuntimeError(f"the switch itself is wrong: {outcome.message}")
        if outcome.broken:
            return f"{outcome.broken} in run {number - FIRST + 1}"
    return ""


def _by_scenario(scenario: Callable[[], None]) -> str:
    name = scenario.__name__
    try:
        scenario()
    except (AssertionError, ViaductError, pytest.fail.Exception):
        return name
    return ""


def _told(test: Callable[[Scene], None]) -> Callable[[], None]:
    """A scenario of another module, with a fleet of its own."""

    def scenario() -> None:
        with seeded(random.Random(7)):
            test(Scene("hub", "west", "south"))

    scenario.__name__ = test.__name__
    return scenario


def _nothing(*_: object, **__: object) -> None:
    """Instead of a check."""


def _apply_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(apply, "sequence_some", lambda tx, state, now, most: (state, True))
    patch.setattr(apply, "sequence_records", lambda tx, state, refs, now: state)


def _claim_what_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(apply, "_still_disputed", lambda run, shown: set(run.disputed))


def _stamps_alone(patch: pytest.MonkeyPatch) -> None:
    def later(mine: Any, other: Any) -> set[str]:
        return {n for n, s in mine.items() if n not in other or s.stamp > other[n].stamp}

    patch.setattr(merge, "_changed_there", lambda change, local: later(change.fields, local.fields))
    patch.setattr(merge, "_changed_here", lambda change, local: later(local.fields, change.fields))


def _leave_dependents(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settle, "_delete_dependents", _nothing)


def _decide_for_one_side(patch: pytest.MonkeyPatch) -> None:
    decide = merge.decide

    def narrow(local: Record, held: Any, change: Change, sides: Any, dot: Any, stamp: int) -> Any:
        decision = decide(local, held, change, sides, dot, stamp)
        return replace(decision, record=replace(decision.record, version=local.version.plus(dot)))

    patch.setattr(merge, "decide", narrow)


def _all_decide(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SiteState, "is_hub", property(lambda state: True))


def _forget_what_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryTransaction, "save_pending", _nothing)


def _no_fence(patch: pytest.MonkeyPatch) -> None:
    for module in (apply, compare, feed, site):
        patch.setattr(module, "check_fence", _nothing)
    patch.setattr(apply, "check_own", _nothing)
    patch.setattr(apply, "check_page", _nothing)


def _no_birth(patch: pytest.MonkeyPatch) -> None:
    judge = verdict.judge

    def credulous(local: Record | None, change: Change, knowledge: Version, **more: bool) -> Verdict:
        found = judge(local, change, knowledge, **more)
        return Verdict.ACCEPT if found is Verdict.ZOMBIE else found

    patch.setattr(applying, "judge", credulous)


def _hold_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Coverage, "holds", lambda coverage, kind, scope: True)


def _drop_unknown(patch: pytest.MonkeyPatch) -> None:
    split = content.split_known
    patch.setattr(apply, "split_known", lambda document, known: (split(document, known)[0], {}))


def _any_page(patch: pytest.MonkeyPatch) -> None:
    check = apply.check

    def lax(tx: Any, state: SiteState, page: Any) -> None:
        try:
            check(tx, state, page)
        except CheckpointMismatch:
            return

    patch.setattr(apply, "check", lax)


def _show_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compare, "show", lambda tx, refs, now: tx.state())


def _purge_all(patch: pytest.MonkeyPatch) -> None:
    def careless(tx: Any, keep: Any, now: int) -> Purged:
        dead = [ref for ref, record in tx.data.records.items() if record.deleted]
        tx.drop_records(dead)
        return Purged(len(dead))

    patch.setattr(site, "clean", careless)


def _any_term(patch: pytest.MonkeyPatch) -> None:
    check = apply.check

    def deaf(tx: Any, state: SiteState, page: Any) -> None:
        check(tx, state, replace(page, term=state.term, hub=state.hub))

    patch.setattr(apply, "check", deaf)
    patch.setattr(Link, "_agree", lambda link: iter(()))


def _believe_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(apply, "is_heard", lambda state, page: False)


def _no_guard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Guard, "stops", lambda guard, missing, total: False)


def _carry_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(apply, "release", _nothing)


def _no_exceptions(patch: pytest.MonkeyPatch) -> None:
    for part in (comparison, page, state):
        patch.setattr(part, "known_of", lambda knowledge, exceptions, ref: knowledge)


def _circles(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Invariants, "broken", lambda invariants: {})
    patch.setattr(Invariants, "unwritable", lambda invariants: {})


def _two_of_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settle, "unite", lambda *_: False)


def old_term_is_refused() -> None:
    """A hub that speaks for a term that is over is not listened to."""
    scene = Scene("hub", "west")
    scene.user("hub", "u", "ada")
    page = scene.read("hub", "west")
    scene.store("west").run(lambda tx: tx.save_state(replace(tx.state(), term=2)))
    with pytest.raises(OldTerm):
        scene.site("west").apply(page)


def unknown_fields_come_back() -> None:
    """West has no column for the description; its edit of the name does not take it away elsewhere."""
    scene = Scene("hub", "west", "south")
    scene.store("west").known = {"project": frozenset({"id", "name", "domain_id", "parent_id", "enabled"})}
    ref = scene.project("hub", "p", "web", description="kept")
    scene.sync()
    assert scene.record("west", ref).unknown == {"description": "kept"}
    scene.put("west", "project", "p", name="changed")
    scene.sync()
    for name in ("hub", "south"):
        row = scene.row(name, ref) or {}
        assert (row.get("name"), row.get("description")) == ("changed", "kept")


def _absence_is_evidence(patch: pytest.MonkeyPatch) -> None:
    def strict(ref: Ref, held: Document, external: object = ()) -> list[Need]:
        return needs(ref, held)

    for module in (readiness, settle, sweep):
        patch.setattr(module, "needs", strict)


MUTATIONS = (
    Mutation(1, "a page is applied over unnumbered edits", _apply_first),
    Mutation(2, "knowledge claims what a spoke has refused", _claim_what_waits),
    Mutation(3, "stamps alone tell what was changed", _stamps_alone),
    Mutation(4, "a deletion leaves what it owns", _leave_dependents),
    Mutation(5, "a decision contains the hub's side only", _decide_for_one_side),
    Mutation(6, "every site decides", _all_decide),
    Mutation(7, "what waits is forgotten", _forget_what_waits),
    Mutation(8, "no fence is checked", _no_fence),
    Mutation(9, "an absent record is always new", _no_birth),
    Mutation(
        10,
        "every site holds everything",
        _hold_everything,
        _told(test_coverage.test_users_of_other_domains_never_leave_the_hub),
    ),
    Mutation(11, "fields without a column are dropped", _drop_unknown, unknown_fields_come_back),
    Mutation(12, "a page is applied wherever the reader stands", _any_page),
    Mutation(
        13,
        "what differs is not shown",
        _show_nothing,
        _told(test_comparison.test_a_restored_site_is_brought_up_to_date_by_what_it_lacks),
    ),
    Mutation(14, "tombstones go at once", _purge_all),
    Mutation(15, "a hub of an old term is heard", _any_term, old_term_is_refused),
    Mutation(16, "a spoke is believed about others", _believe_all, test_scenarios.test_forged_version),
    Mutation(17, "no deletion waits for a person", _no_guard, _told(test_sweep.test_mass_delete_guard)),
    Mutation(
        18,
        "what is carried is not tried again",
        _carry_for_ever,
        _told(test_carried.test_what_needs_a_record_that_is_carried_is_carried_with_it_and_comes_with_it),
    ),
    Mutation(
        19,
        "what waits is known",
        _no_exceptions,
        _told(test_sweep.test_a_reader_from_the_start_does_not_take_what_is_held_for_deleted),
    ),
    Mutation(
        20,
        "an owner without a row counts as deleted",
        _absence_is_evidence,
        _told(test_external.test_purged_id_mappings_take_nothing_along),
    ),
    Mutation(21, "records may lie below themselves", _circles),
    Mutation(22, "what is one thing clashes", _two_of_one),
)


def main() -> int:
    """Print the table; exit status 1 when a missing rule was not noticed."""
    missed = 0
    for mutation in MUTATIONS:
        by = caught(mutation)
        missed += not by
        print(f"rule {mutation.rule:2}  {mutation.instead:<48}  {by or 'NOT NOTICED'}", flush=True)
    print(f"rules={len(MUTATIONS)} caught={len(MUTATIONS) - missed} missed={missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
