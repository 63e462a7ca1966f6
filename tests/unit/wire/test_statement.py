"""Statements as they come in."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.statement import (
    Statement,
    Terms,
    statement_digest,
    statement_to_json,
    terms_to_text,
)
from keystone_viaduct.sync.wire import limits
from keystone_viaduct.sync.wire.statement import (
    checked_statement,
    known_from_text,
    known_to_text,
    lineage_from_json,
    lineage_to_json,
)


def told(text: str, **signatures: str) -> dict[str, Any]:
    """As it comes, a text of its own."""
    return {"text": str(text.encode(), "utf-8"), "signatures": signatures}


def of(*sites: str) -> str:
    """What the hub signs in a fleet of these."""
    return terms_to_text(Terms("fleet", "hub", 1, 1, "hub", sites=dict.fromkeys(sites, "")))


def test_a_text_that_is_told_again_is_kept_and_read_once() -> None:
    """Each page and each site tells it, and it names all sites."""
    text = of("hub", "west")
    first, again = (checked_statement(told(text), "statement") for _ in range(2))
    assert first.text is again.text and first.terms is again.terms
    assert first.terms.sites == {"hub": "", "west": ""}


def test_the_signatures_are_those_of_each_time() -> None:
    key, other = "1" * 64, "2" * 64
    first = checked_statement({"text": of("hub"), "signatures": {key: "a"}}, "statement")
    again = checked_statement({"text": of("hub"), "signatures": {other: "b"}}, "statement")
    assert (first.signatures, again.signatures) == ({key: "a"}, {other: "b"})


def test_what_can_not_be_read_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(BadRequest, match=r"lineage.*text"):
            checked_statement(told(of("hub").replace("fleet", "fleets")), "lineage[0]")


def test_a_digest_is_of_the_text_and_of_who_has_signed_it() -> None:
    terms = Terms("fleet", "hub", 1, 1, "hub")
    first = Statement(terms_to_text(terms), {"1" * 64: "a", "2" * 64: "b"}, terms)
    again = Statement(first.text, dict(reversed(list(first.signatures.items()))), terms)
    assert statement_digest(first) == statement_digest(again)
    others = [
        Statement(first.text, {"1" * 64: "a"}, terms),
        Statement(first.text, {"1" * 64: "a", "2" * 64: "c"}, terms),
        Statement(first.text + " ", first.signatures, terms),
    ]
    assert statement_digest(first) not in map(statement_digest, others)


def test_statements_that_the_reader_has_are_told_by_their_digests() -> None:
    found = [checked_statement(told(of("hub", site)), "statement") for site in ("west", "south")]
    lineage, known = tuple(found), {statement_digest(found[0]): found[0]}
    value = lineage_to_json(lineage, known)
    assert value == [{"digest": statement_digest(found[0])}, statement_to_json(found[1])]
    assert lineage_from_json(value, "lineage", known.get) == lineage
    with pytest.raises(BadRequest, match=r"lineage\[0\].digest is of a statement that is not known"):
        lineage_from_json(value, "lineage")
    with pytest.raises(BadRequest, match=r"lineage\[0\].digest"):
        lineage_from_json([{"digest": "x"}], "lineage", known.get)


def test_what_a_caller_says_that_it_has_are_some_digests() -> None:
    digests = [f"{number:064x}" for number in range(limits.STATEMENTS_KNOWN)]
    assert known_from_text("", "known") == frozenset()
    assert known_from_text(known_to_text(digests), "known") == frozenset(digests)
    for text in ("x", f"{digests[0]},", ",".join([*digests, "f" * 64])):
        with pytest.raises(BadRequest, match="known"):
            known_from_text(text, "known")
