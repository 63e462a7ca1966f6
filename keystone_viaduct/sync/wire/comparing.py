"""The questions and answers of a comparison as JSON.

A bucket is ``[kind, prefix]``. Tallies stand as ``{kind: {prefix: [count, digest]}}``, entries as
``{kind: [[key, digest, position], ...]}`` with the version behind it for a tombstone; digests are 16
hexadecimal digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keystone_viaduct.sync.charter import coverage_to_json
from keystone_viaduct.sync.model import (
    BUCKET_DIGITS,
    Bucket,
    Entry,
    Fence,
    Listing,
    Places,
    Ref,
    Summary,
    Tally,
    Version,
)
from keystone_viaduct.sync.wire import checks, limits, values
from keystone_viaduct.sync.wire.charter import checked_coverage
from keystone_viaduct.sync.wire.page import ref_from_json

_PREFIX = re.compile(f"[0-9a-f]{{0,{BUCKET_DIGITS}}}")
_DIGEST = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class Question:
    """What ``reader`` asks; ``within`` None: whole kinds."""

    reader: str
    within: tuple[Bucket, ...] | None
    fence: Fence | None
    kinds: frozenset[str] | None


def question_to_json(
    reader: str, within: Sequence[Bucket] | None, fence: Fence | None, kinds: frozenset[str] | None
) -> dict[str, Any]:
    """What is not said is left out."""
    body: dict[str, Any] = {"reader": reader}
    if within is not None:
        body["within"] = [[*bucket] for bucket in within]
    if fence is not None:
        body["fence"] = values.fence_to_json(fence)
    if kinds is not None:
        body["kinds"] = sorted(kinds)
    return body


def question_from_json(value: Any) -> Question:
    """The opposite of :func:`question_to_json`."""
    body = checks.mapping(value, "body")
    within, kinds = body.get("within"), body.get("kinds")
    return Question(
        checks.site_name(checks.member(body, "reader", ""), "reader"),
        None if within is None else _buckets(within),
        values.fence_from_json(body.get("fence"), "fence"),
        None
        if kinds is None
        else frozenset(checks.text(kind, "kinds", limits.KIND) for kind in checks.sequence(kinds, "kinds")),
    )


def _buckets(value: Any) -> tuple[Bucket, ...]:
    found = []
    for number, item in enumerate(checks.sequence(value, "within", limits.BUCKETS)):
        where = f"within[{number}]"
        kind, prefix = checks.tuple_of(item, where, 2)
        found.append(Bucket(checks.text(kind, where, limits.KIND), _prefix(prefix, where)))
    return tuple(found)


def _prefix(value: Any, where: str) -> str:
    return checks.text(value, where, BUCKET_DIGITS, _PREFIX)


def summary_to_json(summary: Summary) -> dict[str, Any]:
    """As JSON."""
    tallies: dict[str, dict[str, list[Any]]] = {}
    for (kind, prefix), (number, total) in summary.tallies.items():
        tallies.setdefault(kind, {})[prefix] = [number, f"{total:016x}"]
    return {
        "head": values.checkpoint_to_json(summary.head),
        "knowledge": values.version_to_json(summary.knowledge),
        "tallies": tallies,
        "term": summary.term,
        "hub": summary.hub,
        "coverage": coverage_to_json(summary.coverage),
        **values.exceptions_to_json(summary.exceptions),
    }


def summary_from_json(value: Any) -> Summary:
    """The opposite of :func:`summary_to_json`."""
    body = checks.mapping(value, "summary")
    tallies: dict[Bucket, Tally] = {}
    for kind, found in checks.mapping(checks.member(body, "tallies", ""), "tallies").items():
        where = f"tallies.{kind[: limits.KIND]}"
        for prefix, pair in checks.mapping(found, where, limits.ENTRIES).items():
            number, digest = checks.tuple_of(pair, where, 2)
            tally = Tally(checks.integer(number, where), _digest(digest, where))
            tallies[Bucket(checks.text(kind, "tallies", limits.KIND), _prefix(prefix, where))] = tally
    return Summary(
        values.position_from_json(checks.member(body, "head", ""), "head"),
        values.version_from_json(checks.member(body, "knowledge", ""), "knowledge"),
        tallies,
        checks.integer(checks.member(body, "term", ""), "term"),
        checks.site_name(checks.member(body, "hub", ""), "hub"),
        checked_coverage(body.get("coverage", {}), "coverage"),
        values.exceptions_from_json(body),
    )


def _digest(value: Any, where: str) -> int:
    return int(checks.text(value, where, 16, _DIGEST), 16)


def listing_to_json(listing: Listing) -> dict[str, Any]:
    """As JSON."""
    records: dict[str, list[list[Any]]] = {}
    for ref, fingerprint, seq, version in listing.entries:
        entry: list[Any] = [ref.key, f"{fingerprint:016x}", seq]
        if version is not None:
            entry.append(values.version_to_json(version))
        records.setdefault(ref.kind, []).append(entry)
    part = {} if listing.coverage is None else {"coverage": coverage_to_json(listing.coverage)}
    return {"done": listing.done, "records": records, **part}


def listing_from_json(value: Any) -> Listing:
    """The opposite of :func:`listing_to_json`."""
    body = checks.mapping(value, "listing")
    entries: list[Entry] = []
    for kind, found in checks.mapping(checks.member(body, "records", ""), "records").items():
        checks.text(kind, "records", limits.KIND)
        where = f"records.{kind}"
        for item in checks.sequence(found, where, limits.ENTRIES):
            entries.append(_entry(kind, item, where))
    coverage = checked_coverage(body["coverage"], "coverage") if "coverage" in body else None
    return Listing(checks.integer(checks.member(body, "done", ""), "done", 1), tuple(entries), coverage)


def _entry(kind: str, value: Any, where: str) -> Entry:
    parts = checks.sequence(value, where, 4)
    if len(parts) < 3:
        raise checks.bad(where, "has an entry of fewer than 3 items")
    version: Version | None = values.version_from_json(parts[3], where) if len(parts) == 4 else None
    key = checks.text(parts[0], where, limits.KEY)
    return Entry(Ref(kind, key), _digest(parts[1], where), checks.integer(parts[2], where), version)


def shown_from_json(value: Any) -> tuple[str, list[Ref]]:
    """``{"reader", "records": [[kind, key], ...]}``."""
    body = checks.mapping(value, "body")
    found = checks.sequence(checks.member(body, "records", ""), "records", limits.SHOWN)
    reader = checks.site_name(checks.member(body, "reader", ""), "reader")
    return reader, [ref_from_json(ref, f"records[{number}]") for number, ref in enumerate(found)]


def places_to_json(places: Places) -> dict[str, Any]:
    """As JSON."""
    found = {name: [*getattr(places, name)] for name in ("checkpoint", "seen", "own")}
    return {**found, "coverage": coverage_to_json(places.coverage)}


def places_from_json(value: Any) -> Places:
    """The opposite of :func:`places_to_json`."""
    body = checks.mapping(value, "body")
    found = [
        values.position_from_json(checks.member(body, name, ""), name)
        for name in ("checkpoint", "seen", "own")
    ]
    return Places(found[0], found[1], found[2], checked_coverage(body.get("coverage", {}), "coverage"))
