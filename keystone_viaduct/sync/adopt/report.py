"""A plan for people, and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .names import KNOWN_OUTSIDE
from .verdict import Clash, Match, Move, Plan

SHOWN = 20
"""Records of one sort that the text names; the JSON has all."""


def plan_to_json(plan: Plan, *, rekey: bool) -> dict[str, Any]:
    """Everything, as JSON: matches that differ or have two ids by record, the others as numbers."""
    told = [match for match in plan.matches if match.here != match.there or match.differing]
    return {
        "site": plan.site,
        "hub": plan.hub,
        "folds": plan.folds,
        "compared": dict(plan.compared),
        "equal": _counts([match for match in plan.matches if match not in told]),
        "matches": [asdict(match) for match in told],
        "apply": [asdict(move) for move in plan.due(rekey=rekey)],
        "withheld": [asdict(move) for move in plan.withheld(rekey=rekey)],
        "at_hub": [asdict(move) for move in plan.hub_moves],
        "apart": [asdict(match) for match in plan.apart],
        "along": dict(plan.along),
        "clashes": [asdict(clash) for clash in plan.clashes],
        "only_here": {kind: list(keys) for kind, keys in plan.only_here.items()},
        "only_there": {kind: list(keys) for kind, keys in plan.only_there.items()},
        "tokens": tokens_that_stop(plan.due(rekey=rekey)),
        "notes": list(plan.notes),
        "settled": plan.settled,
    }


def tokens_that_stop(moves: Sequence[Move]) -> list[str]:
    """Which tokens no longer validate once these moves are made, in words. Fernet tokens name ids."""
    count = _counts(moves)
    told = {
        "user": "every token of {} user(s), also those of their trusts and application credentials",
        "project": "every token scoped to {} project(s)",
        "domain": "every token scoped to {} domain(s)",
        "group": "federated tokens that name one of {} group(s)",
    }
    return [text.format(count[kind]) for kind, text in told.items() if count.get(kind)]


def plan_to_text(plan: Plan, *, rekey: bool) -> str:
    """What an operator reads before deciding."""
    return "\n".join(_lines(plan, rekey))


def _lines(plan: Plan, rekey: bool) -> Iterator[str]:
    yield f"{plan.site}: {sum(plan.compared.values())} records compared with those of {plan.hub}"
    if plan.folds:
        yield "names are compared without case: a database of the fleet folds them"
    yield from _numbers(plan)
    due, withheld = plan.due(rekey=rekey), plan.withheld(rekey=rekey)
    yield from _moves(f"ids to change at {plan.site}: the same thing has another id at {plan.hub}", due)
    yield from _moves("the same, but only with --rekey, for other services may have stored the ids", withheld)
    yield from _moves(f"ids to change at {plan.hub}, as told by --prefer", plan.hub_moves)
    yield from _differing(plan)
    yield from _listed(
        "kept apart, as told; one of each two is renamed when the sites join", _pairs(plan.apart)
    )
    yield from _listed("clashes: left as they are", [_clash(clash) for clash in plan.clashes])
    yield from _consequences(due)
    yield from _listed("notes", plan.notes)
    if plan.settled:
        yield ""
        yield "no id has to change"


def _numbers(plan: Plan) -> Iterator[str]:
    matched = _counts(plan.matches)
    kinds = [kind for kind in plan.compared if plan.compared[kind] or kind in plan.only_there]
    if kinds:
        yield ""
        yield f"{'kind':24}{'matches':>10}{'only here':>12}{'only at hub':>14}"
    for kind in kinds:
        here, there = len(plan.only_here.get(kind, ())), len(plan.only_there.get(kind, ()))
        yield f"{kind:24}{matched.get(kind, 0):>10}{here:>12}{there:>14}"


def _moves(title: str, moves: Sequence[Move]) -> Iterator[str]:
    yield from _listed(title, [f"{move.kind} {move.label}: {move.old} -> {move.new}" for move in moves])


def _differing(plan: Plan) -> Iterator[str]:
    """Those of which no access hangs: of the others an operator chooses."""
    chosen = {record for item in plan.access for record in item.records}
    found = [
        f"{match.kind} {match.label}: {', '.join(match.differing)}"
        for match in plan.matches
        if match.differing and (match.kind, match.there) not in chosen
    ]
    yield from _listed("matches with other contents: the policy of the fleet decides once joined", found)


def _pairs(matches: Sequence[Match]) -> list[str]:
    return [f"{match.kind} {match.label}: {match.here} here, {match.there} at the hub" for match in matches]


def _clash(clash: Clash) -> str:
    here, there = ", ".join(clash.here) or "-", ", ".join(clash.there) or "-"
    return f"{clash.kind} {clash.label} ({clash.reason}): here {here}; at the hub {there}: {clash.hint}"


def _consequences(due: Sequence[Move]) -> Iterator[str]:
    stop = tokens_that_stop(due)
    if not stop:
        return
    yield ""
    yield "tokens that stop working:"
    yield from (f"  {line}" for line in stop)
    outside = [kind for kind in _counts(due) if kind in KNOWN_OUTSIDE]
    kinds = ", ".join(sorted(outside))
    yield f"  other services of this site keep the old ids of {kinds}: give them the map of ids"


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"{title} ({len(lines)}):"
    yield from (f"  {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"  ... and {len(lines) - SHOWN} more: see --json"


def _counts(items: Sequence[Move] | Sequence[Match]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for item in items:
        found[item.kind] = found.get(item.kind, 0) + 1
    return found
