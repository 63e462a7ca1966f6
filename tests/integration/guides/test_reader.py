"""The operator of these tests reads what a command prints as people and as programs do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.guides.reader import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """With no fleet: what is asked for one says so on both streams."""
    found = Place(tmp_path, "east")
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize("site", ["east", ""])
def test_a_program_reads_the_one_value_and_a_person_what_is_told_besides(place: Place, site: str) -> None:
    words = ["keys", "status", "--format", "json"]
    told = place.at_site(site, words) if site else place.anywhere(words)
    assert told.code == 2
    error = told.value["error"]
    assert f"error: {error['message']}" in told.err
    assert f"hint: {error['hint']}" in told.said and error["code"] in told.said
