"""What a site tells to a peer that says nothing of what it has, and what it is told by one, is as it was.

The golden file was made by the last release whose sites were told everything each time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from keystone_viaduct.sync.charter import Charter, Delegation, Edition
from keystone_viaduct.sync.model import (
    ApplyResult,
    Change,
    Checkpoint,
    Dot,
    FieldState,
    Page,
    Peer,
    Ref,
    Standing,
    Version,
)
from keystone_viaduct.sync.statement import Statement, Terms, parts_of, terms_to_text
from keystone_viaduct.sync.wire.microversion import Microversion
from keystone_viaduct.sync.wire.page import page_from_json, page_to_json, result_from_json, result_to_json
from keystone_viaduct.sync.wire.resources import (
    Capabilities,
    capabilities_document,
    capabilities_of,
    standing_from_json,
    standing_to_json,
)
from tests.golden.conftest import Golden

FILE = Path(__file__).with_name("exchanges.json")
HERE, THERE = Checkpoint("1a", 6, "aa.1"), Checkpoint("1a", 7, "bb.2")
EAST = Dot("east#1a", 7)
KEY = "5" * 64
CHARTER = Charter(Edition(2, 3), delegations={"west": Delegation(domains=frozenset({"default"}))})
TERMS = Terms(
    "fleet",
    "east",
    2,
    9,
    "east",
    CHARTER.edition,
    parts_of(CHARTER),
    {"east": KEY, "south": ""},
    {"jws": (1, "d")},
)
STATEMENT = Statement(terms_to_text(TERMS), {KEY: "c2lnbmVk"}, TERMS)
FIELDS = {"@deleted": FieldState(5, EAST, "alive"), "id": FieldState(5, EAST, "1" * 32)}
PAGE = Page(
    source="east",
    term=2,
    after=HERE,
    upto=THERE,
    at_head=True,
    knowledge=Version({"east#1a": 7}),
    changes=(Change(Ref("region", "north"), 7, Version({"east#1a": 7}), EAST, FIELDS, {"id": "north"}),),
    charter=CHARTER,
    hub="east",
    peers=(Peer("south", b"k" * 32, "2b", seen=Checkpoint("2b", 4, "cc.3"), signing_key=KEY),),
    statement=STATEMENT,
)
STANDING = Standing("south#2b", HERE, None, Version({"east#1a": 6}), 2, "east", lineage=(STATEMENT,))
RESULT = ApplyResult(1, 0, 0, (), 0, THERE, Version({"east#1a": 7}), Checkpoint("2b", 5, "dd.4"))
CAPABILITIES = Capabilities(
    "south",
    "2b",
    "east",
    2,
    THERE,
    b"k" * 32,
    True,
    ("1.0",),
    "0.1",
    "30.0",
    # of the API for people, which has numbers of its own and goes on
    api_versions=(Microversion(1, 0), Microversion(1, 1)),
    signing_key=KEY,
    lineage=(STATEMENT,),
)


def _never(value: Any, context: str) -> Any:
    raise AssertionError(f"{context} is no secret")


def told() -> dict[str, Any]:
    """What is sent."""
    return {
        "page": page_to_json(PAGE, "sealed for south", _never),
        "standing": standing_to_json(STANDING),
        "result": result_to_json(RESULT),
        "capabilities": capabilities_document(CAPABILITIES),
    }


def test_who_says_nothing_is_told_what_was_always_told(golden: Golden) -> None:
    golden(FILE.name, json.dumps(told(), indent=1) + "\n")


def test_what_was_always_told_is_understood_and_claims_nothing() -> None:
    value = json.loads(FILE.read_text())
    page, standing = page_from_json(value["page"], lambda _: _never), standing_from_json(value["standing"])
    result = result_from_json(value["result"])
    assert page == PAGE and (page.signed, page.register) == ("", "")
    assert standing == STANDING and (standing.signed, standing.register) == ("", "")
    assert result == RESULT and (result.signed, result.register) == ("", "")
    assert capabilities_of(value["capabilities"]) == CAPABILITIES
