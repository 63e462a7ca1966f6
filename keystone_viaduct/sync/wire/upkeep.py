"""Purges and sweeps as JSON. Times are microseconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from keystone_viaduct.sync.model import Held, Purged, Reason, Ref, Retired, SweepState, Waiting
from keystone_viaduct.sync.wire import checks, limits

_NUMBERS = ("began", "finished", "checked", "found", "deleted")


@dataclass(frozen=True)
class Times:
    """How long things are kept, as ``sync.site.purge.Retention`` has it."""

    tombstones: int = 0
    lost: int | None = None
    away: int | None = None
    before: int | None = None
    after: int | None = None
    conflicts: int | None = None


@dataclass(frozen=True)
class Report:
    """Where a site's sweep is; how many records of each kind wait for a person, and the first of them."""

    place: SweepState
    held: Mapping[str, int] = field(default_factory=dict)
    records: tuple[Held, ...] = ()


_TOLD = ("kind", "key", "name", "state", "reason", "why", "source")


def times_to_json(times: Times) -> dict[str, Any]:
    """What is not limited is left out."""
    return {name: value for name, value in asdict(times).items() if value is not None}


def times_from_json(value: Any) -> Times:
    """The opposite of :func:`times_to_json`."""
    body = checks.mapping(value, "body")

    def time(name: str, most: int = limits.RETENTION) -> int | None:
        return None if body.get(name) is None else checks.integer(body[name], name, 0, most)

    checks.member(body, "tombstones", "")
    tombstones, lost, away = time("tombstones") or 0, time("lost"), time("away")
    before, after = time("before", limits.INTEGER), time("after", limits.INTEGER)
    return Times(tombstones, lost, away, before, after, time("conflicts"))


def purged_to_json(purged: Purged) -> dict[str, Any]:
    """As JSON."""
    return {**asdict(purged), "away": list(purged.away)}


def purged_from_json(value: Any) -> Purged:
    """The opposite of :func:`purged_to_json`."""
    body = checks.mapping(value, "purged")
    numbers = [checks.integer(checks.member(body, n, ""), n) for n in ("tombstones", "batches", "lost")]
    oldest, following = body.get("oldest"), body.get("next")
    away = checks.sequence(checks.member(body, "away", ""), "away")
    return Purged(
        numbers[0],
        numbers[1],
        numbers[2],
        None if oldest is None else checks.integer(oldest, "oldest"),
        tuple(checks.site_name(site, "away") for site in away),
        None if following is None else checks.integer(following, "next"),
        checks.integer(body.get("conflicts", 0), "conflicts"),
    )


def sweep_to_json(place: SweepState) -> dict[str, Any]:
    """As JSON."""
    return asdict(place)


def sweep_from_json(value: Any) -> SweepState:
    """The opposite of :func:`sweep_to_json`."""
    body = checks.mapping(value, "sweep")
    kind = checks.text(checks.member(body, "kind", ""), "kind", limits.KIND)
    by_rows = checks.flag(checks.member(body, "by_rows", ""), "by_rows")
    key = checks.text(checks.member(body, "key", ""), "key", limits.KEY)
    numbers = {name: checks.integer(checks.member(body, name, ""), name) for name in _NUMBERS}
    return SweepState(kind, by_rows, key, **numbers)


def waiting_to_json(
    found: Sequence[Waiting],
    *,
    limit: int = limits.WAITING,
    state: str = "",
    kind: str = "",
    source: str = "",
    marker: str = "",
) -> dict[str, Any]:
    """As JSON: all are counted; of those that fit the first after ``marker`` (kind/key of one) are told."""
    counts = Counter(item.state for item in found)
    fitting = [
        item
        for item in found
        if state in ("", item.state) and kind in ("", item.ref.kind) and source in ("", item.source)
    ]
    told = [
        {
            "kind": item.ref.kind,
            "key": item.ref.key,
            **{name: value for name, value in item._asdict().items() if name != "ref"},
        }
        for item in _after(fitting, marker)[:limit]
    ]
    return {"counts": dict(sorted(counts.items())), "waiting": told}


def _after(found: Sequence[Waiting], marker: str) -> Sequence[Waiting]:
    """What follows the last one of that address; nothing where it has left the list."""
    places = [place for place, item in enumerate(found) if str(item.ref) == marker]
    return found if not marker else found[places[-1] + 1 :] if places else []


def waiting_from_json(value: Any) -> tuple[dict[str, int], list[Waiting]]:
    """The opposite of :func:`waiting_to_json`."""
    body = checks.mapping(value, "waiting")
    counts = checks.mapping(checks.member(body, "counts", ""), "counts")
    told = checks.sequence(checks.member(body, "waiting", ""), "waiting", limits.WAITING)
    found: list[Waiting] = []
    for number, one in enumerate(told):
        where = f"waiting[{number}]"
        item = checks.mapping(one, where)
        texts = (checks.text(item.get(name, ""), where, 4096) for name in _TOLD)
        kind, key, name, state, reason, why, source = texts
        since = checks.integer(item.get("since", 0), where)
        found.append(Waiting(Ref(kind, key), name, state, reason, why, source, since))
    return {state: checks.integer(number, "counts") for state, number in counts.items()}, found


def report_to_json(place: SweepState, held: Mapping[str, int], records: Sequence[Held]) -> dict[str, Any]:
    """As JSON."""
    return {
        "sweep": sweep_to_json(place),
        "held": dict(held),
        "records": [[*item.ref, str(item.reason), item.found_at] for item in records],
    }


def report_from_json(value: Any) -> Report:
    """The opposite of :func:`report_to_json`."""
    body = checks.mapping(value, "report")
    counts = checks.mapping(checks.member(body, "held", ""), "held")
    records = checks.sequence(checks.member(body, "records", ""), "records")
    return Report(
        sweep_from_json(checks.member(body, "sweep", "")),
        {
            checks.text(kind, "held", limits.KIND): checks.integer(count, f"held.{kind}")
            for kind, count in counts.items()
        },
        tuple(_held(item, f"records[{number}]") for number, item in enumerate(records)),
    )


def _held(value: Any, where: str) -> Held:
    kind, key, reason, found_at = checks.tuple_of(value, where, 4)
    if reason not in set(Reason):
        raise checks.bad(where, "has no known reason")
    ref = Ref(checks.text(kind, where, limits.KIND), checks.text(key, where, limits.KEY))
    return Held(ref, Reason(reason), checks.integer(found_at, where))


def decision_to_json(kinds: frozenset[str] | None, *, confirm: bool) -> dict[str, Any]:
    """``{"decision": "confirm" or "discard", "kinds": [...]}``; without kinds all of them."""
    body: dict[str, Any] = {"decision": "confirm" if confirm else "discard"}
    return body if kinds is None else {**body, "kinds": sorted(kinds)}


def decision_from_json(value: Any) -> tuple[bool, frozenset[str] | None]:
    """The opposite of :func:`decision_to_json`."""
    body = checks.mapping(value, "body")
    decision = checks.member(body, "decision", "")
    if decision not in ("confirm", "discard"):
        raise checks.bad("decision", "is neither confirm nor discard")
    if body.get("kinds") is None:
        return decision == "confirm", None
    kinds = checks.sequence(body["kinds"], "kinds")
    return decision == "confirm", frozenset(checks.text(kind, "kinds", limits.KIND) for kind in kinds)


def retired_to_json(retired: Retired) -> dict[str, Any]:
    """As JSON."""
    return retired._asdict()


def retired_from_json(value: Any) -> Retired:
    """The opposite of :func:`retired_to_json`."""
    body = checks.mapping(value, "retired")
    numbers = [checks.integer(checks.member(body, name, ""), name) for name in ("heard", "waiting", "lost")]
    return Retired(checks.site_name(checks.member(body, "site", ""), "site"), *numbers)
