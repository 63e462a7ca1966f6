"""Which version of the API a caller gets."""

from __future__ import annotations

import pytest

from keystone_viaduct.errors import BadRequest, UnsupportedVersion
from keystone_viaduct.sync.wire.microversion import EARLIEST, LATEST, Microversion, negotiated, spoken


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, EARLIEST),
        ("", EARLIEST),
        ("compute 2.1", EARLIEST),
        ("sync 1.0", Microversion(1, 0)),
        ("compute 2.1, sync 1.1", Microversion(1, 1)),
        ("sync latest", LATEST),
    ],
)
def test_who_names_a_version_gets_it_and_who_names_none_the_earliest(
    header: str | None, wanted: Microversion
) -> None:
    assert negotiated(header) == wanted


@pytest.mark.parametrize("header", ["sync 0.9", "sync 2.0", f"sync 1.{LATEST.minor + 1}"])
def test_a_version_that_is_not_spoken_is_refused_with_those_that_are(header: str) -> None:
    with pytest.raises(UnsupportedVersion) as caught:
        negotiated(header)
    assert caught.value.fields["versions"] == f"{EARLIEST} {LATEST}"


@pytest.mark.parametrize("header", ["sync", "sync 1", "sync one", "sync 1.0.0", "sync 1111111.0"])
def test_what_is_no_version_is_named(header: str) -> None:
    with pytest.raises(BadRequest, match="malformed"):
        negotiated(header)


def test_the_versions_that_a_site_tells_are_read_and_what_is_none_is_left_out() -> None:
    assert spoken(["1.0", "1.7", "x", 3, None]) == (Microversion(1, 0), Microversion(1, 7))
    assert spoken(None) == spoken({"a": 1}) == ()
