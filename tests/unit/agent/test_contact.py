"""What the agent says when it makes two sites known to each other."""

from __future__ import annotations

import pytest

from keystone_viaduct.errors import KeyChanged
from keystone_viaduct.sync.agent.contact import DOUBTED, Contact, doubt_of_ids
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Checkpoint
from keystone_viaduct.sync.wire.resources import Capabilities
from tests.unit.agent.fleet import FakeSite


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


def test_a_site_that_has_renewed_its_keys_proves_them_and_one_that_can_not_is_not_introduced() -> None:
    hub, west = FakeSite("hub"), FakeSite("west")
    contact = Contact(hub, west)
    contact.make()
    assert "key_proofs" not in west.calls
    west.public_key = b"n" * 32
    contact.renew()
    contact.make()
    assert hub.known["west"].public_key == b"n" * 32 and west.calls.count("key_proofs") == 1
    west.public_key, west.proves = b"e" * 32, False
    contact.renew()
    with pytest.raises(KeyChanged):
        contact.make()
    assert hub.known["west"].public_key == b"n" * 32


def test_forged_pokes_have_a_key_asked_for_and_not_the_whole_introduction_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new key has: then the site may have new keys of every sort."""
    now = [1000.0]
    monkeypatch.setattr("keystone_viaduct.sync.agent.contact.time.monotonic", lambda: now[0])
    hub, west = FakeSite("hub"), FakeSite("west")
    contact = Contact(hub, west)
    contact.make()
    introduced = len(hub.calls)
    contact.doubt_poke_key("west")
    contact.make()
    assert (len(hub.calls), west.calls.count("poke_key")) == (introduced, 1), "it was asked just now"
    now[0] += DOUBTED
    for _ in range(3):
        contact.doubt_poke_key("west")
        contact.make()
    assert (len(hub.calls), west.calls.count("poke_key")) == (introduced, 2)
    now[0] += DOUBTED
    west.secret_of_pokes = "renewed"
    contact.doubt_poke_key("west")
    contact.make()
    assert contact.poke_key("west") == "renewed" and len(hub.calls) > introduced
