"""What the agent says when it makes two sites known to each other."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.agent.contact import doubt_of_ids
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Checkpoint
from keystone_viaduct.sync.wire.resources import Capabilities


def site(name: str, unmapped: str) -> Capabilities:
    """A site with external users in this domain, whose ids are not mapped."""
    drivers = ExternalDrivers({unmapped: "ldap"} if unmapped else {}, unmapped)
    return Capabilities(name, "a", "east", 1, Checkpoint("a", 1, "n"), b"k" * 32, True, drivers=drivers)


@pytest.mark.parametrize(
    ("hub", "spoke", "is_doubtful"),
    [("default", "acme", True), ("default", "default", False), ("", "acme", False), ("acme", "", False)],
)
def test_two_domains_with_unmapped_ids_are_one_too_many(hub: str, spoke: str, is_doubtful: bool) -> None:
    """One id would be two people."""
    doubt = doubt_of_ids(site("east", hub), site("west", spoke))
    assert bool(doubt) == is_doubtful
    assert not doubt or ("acme" in doubt and "backward_compatible_ids" in doubt)
