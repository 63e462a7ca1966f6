"""The order of an upgrade's phases: which one has its turn, and what comes next."""

from __future__ import annotations

from .steps import Phase, State

#: From which states a phase may begin, the state while it runs, and the one after it.
TURN: dict[Phase, tuple[frozenset[State], State, State]] = {
    Phase.EXPAND: (frozenset({State.PLANNED}), State.EXPANDING, State.EXPANDED),
    Phase.MIGRATE: (frozenset({State.EXPANDED}), State.MIGRATING, State.MIGRATED),
    Phase.CONTRACT: (frozenset({State.VERIFIED}), State.CONTRACTING, State.CONTRACTED),
    Phase.ROLLBACK: (
        frozenset({State.EXPANDING, State.EXPANDED, State.MIGRATING, State.MIGRATED, State.VERIFIED}),
        State.ROLLING_BACK,
        State.ROLLED_BACK,
    ),
}
_NEXT = {
    State.PLANNED: "expand",
    State.EXPANDING: "resume, or rollback",
    State.EXPANDED: "migrate",
    State.MIGRATING: "resume, or rollback",
    State.MIGRATED: "verify",
    State.VERIFIED: "start the new release, and contract once no old one runs",
    State.CONTRACTING: "resume",
    State.CONTRACTED: "nothing: it is done",
    State.ROLLING_BACK: "resume",
    State.ROLLED_BACK: "expand, to begin again",
}
#: New code starts only after verification: before it, nothing is lost by going back.
BEFORE_NEW_CODE = frozenset({State.EXPANDING, State.EXPANDED, State.MIGRATING, State.MIGRATED})


def next_step(state: State) -> str:
    """What an operator does next."""
    return _NEXT[state]
