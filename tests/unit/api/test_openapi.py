"""docs/reference/openapi.yaml says what the code does."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import flask
import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import given, settings

from keystone_viaduct.sync.api import policy
from keystone_viaduct.sync.api.resources import SyncAPI
from keystone_viaduct.sync.charter import (
    Charter,
    Coverage,
    Delegation,
    Edition,
    PolicyRule,
    charter_to_json,
)
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import (
    Bucket,
    Checkpoint,
    Conflict,
    Entry,
    Held,
    Listing,
    Page,
    Peer,
    Purged,
    Reason,
    Ref,
    Standing,
    Summary,
    SweepState,
    Tally,
    Version,
)
from keystone_viaduct.sync.sealing import KeyRing, PageSealer
from keystone_viaduct.sync.wire import body, comparing, limits, upkeep
from keystone_viaduct.sync.wire.charter import checked_charter
from keystone_viaduct.sync.wire.microversion import LATEST
from keystone_viaduct.sync.wire.office import Office, Order, office_to_json, order_to_json
from keystone_viaduct.sync.wire.page import page_to_json
from keystone_viaduct.sync.wire.resources import (
    Capabilities,
    capabilities_document,
    capabilities_of,
    conflict_to_json,
    peer_to_json,
    standing_to_json,
)
from tests.unit.wire.strategies import pages

FILE = Path(__file__).parents[3] / "docs" / "reference" / "openapi.yaml"
OpenAPI = dict[str, Any]


@cache
def load() -> OpenAPI:
    """The file."""
    found: OpenAPI = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def openapi() -> OpenAPI:
    return load()


@pytest.fixture(scope="module")
def routes() -> set[tuple[str, str]]:
    """Method and path of every route, as Flask has them."""
    app = flask.Flask("test")
    SyncAPI.instantiate_and_register_to_app(app)
    return {
        (method.lower(), re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule).removeprefix("/v3"))
        for rule in app.url_map.iter_rules()
        if "OS-SYNC" in rule.rule
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def validate(openapi: OpenAPI, name: str, value: object) -> None:
    """A JSON value against a schema of the file."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def test_a_charter_validates(openapi: OpenAPI) -> None:
    rules = (PolicyRule("spoke:west", frozenset({"user"})),)
    charter = Charter(Edition(1, 2), {"west": Coverage()}, {"west": Delegation(roles=frozenset())}, rules)
    validate(openapi, "Charter", charter_to_json(charter))


def test_every_route_is_in_the_file_and_no_other(openapi: OpenAPI, routes: set[tuple[str, str]]) -> None:
    written = {(method, path) for path, methods in openapi["paths"].items() for method in methods}
    assert written == routes


def test_every_policy_rule_is_named_by_the_routes_that_it_guards(openapi: OpenAPI) -> None:
    written = {
        (f"sync:{name}", method.upper(), path)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
        for name in re.findall(r"`sync:(\w+)`", operation["description"])
    }
    declared = {
        (
            rule.name,
            operation["method"],
            operation["path"].removeprefix("/v3").replace("{id}", "{conflict_id}"),
        )
        for rule in policy.RULES
        for operation in rule.operations
    }
    assert written == declared


def test_every_reference_leads_somewhere(openapi: OpenAPI) -> None:
    for place in set(re.findall(r"#/components/(\w+)/(\w+)", FILE.read_text(encoding="utf-8"))):
        assert place[1] in openapi["components"][place[0]]


def test_the_version_and_sizes_are_those_of_the_code(openapi: OpenAPI) -> None:
    assert openapi["info"]["version"] == str(LATEST)
    assert (
        openapi["components"]["schemas"]["Page"]["properties"]["changes"]["maxItems"] == limits.PAGE_CHANGES
    )


@settings(max_examples=30, deadline=None)
@given(pages())
def test_pages_are_as_written(page: Page) -> None:
    sealer = PageSealer(KeyRing.generate().public_key)
    validate(load(), "Page", body.loads(body.dumps(page_to_json(page, sealer.header, sealer.seal))))


def test_the_rest_is_as_written(openapi: OpenAPI) -> None:
    checkpoint = Checkpoint("a", 1, "n")
    capabilities = Capabilities(
        "east", "a", "east", 1, checkpoint, b"k" * 32, True, kinds={"user": frozenset({"id"})}
    )
    validate(openapi, "Capabilities", capabilities_document(capabilities))
    drivers = ExternalDrivers({"default": "ldap"}, "default")
    external = replace(capabilities, drivers=drivers)
    document = capabilities_document(external)
    validate(openapi, "Capabilities", document)
    assert capabilities_of(document) == external
    charter = Charter(external="default")
    validate(openapi, "Charter", charter_to_json(charter))
    assert checked_charter(charter_to_json(charter), "charter", strict=True) == charter
    peer = peer_to_json(Peer("west", b"k" * 32, "a", 3))
    validate(openapi, "Peer", peer)
    validate(openapi, "PeerRegistration", peer)
    standing = Standing("east#a", checkpoint, None, Version({"east#a": 1}), 1, "east")
    standing = replace(standing, signed="0" * 64, register="1" * 64)
    office = Office("west", "east", 1, "", "", 0, 7)
    validate(openapi, "Hub", office_to_json(office))
    validate(openapi, "HubOrder", order_to_json(Order(2, "east", None)))
    validate(openapi, "Standing", {"site": "west", **standing_to_json(standing)})
    validate(openapi, "Times", upkeep.times_to_json(upkeep.Times(5, None, 7)))
    validate(openapi, "Purged", upkeep.purged_to_json(Purged(1, 2, 3, None, ("west",))))
    held = [Held(Ref("user", "u"), Reason.MISSING, 5)]
    report = upkeep.report_to_json(SweepState("user"), {"user": 1}, held)
    validate(openapi, "SweepReport", body.loads(body.dumps(report)))
    summary = Summary(checkpoint, Version(), {Bucket("user", "a"): Tally(3, 4)})
    validate(openapi, "Summary", comparing.summary_to_json(summary))
    listing = Listing(1, (Entry(Ref("user", "u"), 5, 6, Version()), Entry(Ref("user", "v"), 5, 6)))
    for found in (listing, replace(listing, coverage=Coverage(frozenset({"user"}), frozenset({"acme"})))):
        validate(openapi, "Listing", comparing.listing_to_json(found))
    validate(openapi, "Question", comparing.question_to_json("west", [Bucket("user")], None, frozenset()))
    conflict = Conflict(
        "c1", Ref("user", "u"), "clash", "hub", "why", ("name",), "west", 5, {"enabled": True}
    )
    validate(openapi, "Conflict", conflict_to_json(conflict, detail=True))
    validate(openapi, "ConflictSummary", conflict_to_json(conflict, detail=False))
