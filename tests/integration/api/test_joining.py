"""What an operator chooses for a site that joins, over the API."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.keystone

CHOICES = [["assignment", "UserProject/u/p/r/0", "both"], ["user", "u", "site"]]


@pytest.fixture
def registered(east: httpx.Client) -> Iterator[str]:
    """A site that is registered at the hub and has shown nothing yet."""
    name = f"new-{uuid.uuid4().hex[:8]}"
    peer = east.get("/OS-SYNC/peers/").json()["peers"][0]
    answer = east.put(f"/OS-SYNC/peers/{name}", json={**peer, "site": name, "incarnation": "new"})
    assert answer.status_code == 200, answer.text
    yield name
    east.delete(f"/OS-SYNC/peers/{name}", params={"force": "true"})


def choose(client: httpx.Client, site: str, choices: Any) -> httpx.Response:
    return client.put(f"/OS-SYNC/joining/{site}", json={"choices": choices})


def test_choices_are_kept_as_a_whole_until_they_are_used_or_the_site_is_retired(
    east: httpx.Client, registered: str
) -> None:
    path = f"/OS-SYNC/joining/{registered}"
    assert choose(east, registered, CHOICES[:1]).json()["choices"] == CHOICES[:1]
    assert choose(east, registered, CHOICES).status_code == 200
    assert east.get(path).json() == {"site": registered, "choices": CHOICES}
    assert east.delete(f"/OS-SYNC/peers/{registered}", params={"force": "true"}).status_code == 200
    assert east.get(path).json() == {"site": registered, "choices": []}


def test_who_has_joined_is_not_chosen_for_any_more(east: httpx.Client) -> None:
    answer = choose(east, "west", CHOICES)
    assert answer.status_code == 403 and "has joined already" in answer.text


def test_only_the_hub_takes_choices_for_sites_that_it_knows(east: httpx.Client, west: httpx.Client) -> None:
    assert choose(west, "west", CHOICES).status_code == 403
    assert choose(east, "east", CHOICES).status_code == 403
    answer = choose(east, "nowhere", CHOICES)
    assert answer.status_code == 404 and answer.json()["error"]["viaduct"]["code"] == "site.unknown"


@pytest.mark.parametrize(
    ("choices", "where"),
    [
        ("all", "choices"),
        ([["user", "u"]], "choices[0]"),
        ([["user", "u", "newest"]], "choices[0]"),
        ([["user", "u", 1]], "choices[0]"),
        ([["assignment", "u", "hub"]], "choices[0]"),
    ],
)
def test_bad_choices_are_refused_with_their_place(
    east: httpx.Client, registered: str, choices: Any, where: str
) -> None:
    answer = choose(east, registered, choices)
    assert answer.status_code == 400, answer.text
    assert where in answer.text
    assert east.get(f"/OS-SYNC/joining/{registered}").json()["choices"] == []
