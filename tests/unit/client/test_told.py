"""What sites have told of what the hub has signed is kept, one for each site."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from keystone_viaduct.errors import SiteUnavailable
from keystone_viaduct.sync.charter import Charter, Edition
from keystone_viaduct.sync.client import HttpSite, Transport
from keystone_viaduct.sync.client.told import NAMED, Told
from keystone_viaduct.sync.model import Checkpoint, Page, Standing, Version
from keystone_viaduct.sync.sealing import KeyRing, PageSealer
from keystone_viaduct.sync.statement import (
    Lineage,
    Statement,
    Terms,
    parts_of,
    statement_digest,
    terms_to_text,
)
from keystone_viaduct.sync.wire import body
from keystone_viaduct.sync.wire.page import page_to_json
from keystone_viaduct.sync.wire.resources import standing_to_json
from keystone_viaduct.sync.wire.statement import known_from_text
from tests.unit.client.test_transport import FakeLogin

CHARTER = Charter(Edition(1, 1), external="acme")
SEALER = PageSealer(KeyRing.generate().public_key)


def signed(number: int, charter: Charter | None = CHARTER) -> Statement:
    """The hub's statement of that number, whose signatures nobody checks here."""
    found = charter or Charter()
    terms = Terms("fleet", "hub", 1, number, "hub", found.edition, parts_of(found))
    return Statement(terms_to_text(terms), {"1" * 64: "a"}, terms)


def page(**more: object) -> bytes:
    """An empty page of the hub."""
    found = Page("hub", 1, None, Checkpoint("a", 1, "n"), True, Version(), (), **more)  # type: ignore[arg-type]
    return body.dumps(page_to_json(found, SEALER.header, SEALER.seal))


def answered(content: bytes) -> httpx.Response:
    """As from a network."""
    return httpx.Response(200, stream=httpx.ByteStream(content))


def site_of(
    name: str, answer: Callable[[httpx.Request], httpx.Response], told: Told | None = None
) -> HttpSite:
    """A site that answers so."""
    return HttpSite(name, Transport(name, FakeLogin(), transport=httpx.MockTransport(answer)), told)


def test_what_several_sites_tell_is_kept_until_none_of_them_tells_it_any_more() -> None:
    told, first, second = Told(), signed(1), signed(2)
    for site in ("hub", "west", "hub"):
        told.page(site, first, CHARTER)
    assert told.signed(statement_digest(first)) == (first, CHARTER)
    told.page("hub", second, CHARTER)
    assert told.signed(statement_digest(first)) is not None
    told.page("west", second, CHARTER)
    assert told.signed(statement_digest(first)) is None
    assert told.signed(statement_digest(second)) == (second, CHARTER)


def test_no_site_drops_what_another_tells_however_much_it_tells_itself() -> None:
    told, first = Told(), signed(1)
    told.page("hub", first, CHARTER)
    for number in range(2, 100):
        told.page("west", signed(number), CHARTER)
    assert told.signed(statement_digest(first)) is not None
    assert told.signed(statement_digest(signed(98))) is None


def test_a_charter_that_was_not_signed_with_it_is_not_kept() -> None:
    told = Told()
    for charter in (None, Charter(Edition(1, 1), external="other"), Charter(Edition(1, 2), external="acme")):
        told.page("west", signed(1), charter)
    assert told.signed(statement_digest(signed(1))) is None
    told.page("west", signed(1, None), None)
    assert told.signed(statement_digest(signed(1, None))) == (signed(1, None), None)


def test_what_many_sites_tell_need_not_be_told_by_any_whatever_one_of_them_tells() -> None:
    told, common = Told(), signed(1)
    for site in ("hub", "west", "south"):
        told.lineage(site, (common,))
    for number in range(2, 50):
        told.lineage(f"liar-{number}", tuple(signed(number * 10 + more) for more in range(5)))
    known = told.known()
    assert next(iter(known)) == statement_digest(common) and len(known) == NAMED
    for site in ("hub", "west", "south"):
        told.lineage(site, ())
    assert statement_digest(common) not in told.known()


def test_a_site_tells_a_statement_that_is_known_by_its_digest() -> None:
    common, other = signed(1), signed(2)
    asked: list[frozenset[str]] = []
    told: list[Lineage] = [(common,), (common,), (common, other), (other,)]

    def answer(request: httpx.Request) -> httpx.Response:
        known = known_from_text(request.url.params.get("known", ""), "known")
        asked.append(known)
        found = Standing("hub#a", None, None, Version(), 1, "hub", lineage=told[len(asked) - 1])
        return answered(body.dumps(standing_to_json(found, known)))

    shared = Told()
    sites = [site_of(name, answer, shared) for name in ("hub", "west")]
    found = [site.standing("south").lineage for site in (*sites, *sites)]
    assert found == told
    one, both = {statement_digest(common)}, {statement_digest(common), statement_digest(other)}
    assert asked == [frozenset(), one, one, both]


def test_a_site_that_names_a_statement_that_nobody_asked_it_to_is_not_understood() -> None:
    found = standing_to_json(Standing("hub#a", None, None, Version(), 1, "hub"))
    told = body.dumps({**found, "lineage": [{"digest": "2" * 64}]})
    site = site_of("hub", lambda _: answered(told))
    with pytest.raises(SiteUnavailable, match=r"lineage\[0\].digest is of a statement that is not known"):
        site.standing("west")


def test_a_page_is_asked_for_without_what_is_known_here_and_at_its_reader_and_is_given_back_whole() -> None:
    statement = signed(1)
    digest = statement_digest(statement)
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("signed"))
        if asked[-1]:
            return answered(page(signed=asked[-1]))
        return answered(page(statement=statement, charter=CHARTER))

    site = site_of("hub", answer)
    pages = [site.read("west", None, 5, signed=said) for said in (digest, digest, "2" * 64, "")]
    assert asked == [None, digest, None, None]
    assert [(found.statement, found.charter) for found in pages] == [(statement, CHARTER)] * 4
    assert [found.signed for found in pages] == ["", digest, "", ""]


@pytest.mark.parametrize("said", ["", "2" * 64])
def test_a_page_that_leaves_out_what_it_was_not_asked_to_is_no_page(said: str) -> None:
    site = site_of("hub", lambda _: answered(page(signed="3" * 64)))
    with pytest.raises(SiteUnavailable, match="signed is not what was asked for"):
        site.read("west", None, 5, signed=said)
