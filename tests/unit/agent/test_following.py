"""The agent goes where the hub goes: over sites in memory, of which each believes what it believes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from keystone_viaduct.errors import ConfigError, SiteUnavailable
from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.following import Following
from keystone_viaduct.sync.agent.memory import Known, Memory
from keystone_viaduct.sync.agent.post import Post, find_hub
from keystone_viaduct.sync.agent.status import snapshot
from keystone_viaduct.sync.agent.topology import AgentSettings
from keystone_viaduct.sync.charter import Charter, Coverage
from tests.unit.agent.fleet import PATIENCE, FakeSite, domain
from tests.unit.agent.test_agent import at_rest, eventually

Sites = dict[str, FakeSite]


@pytest.fixture
def sites() -> Sites:
    """A hub and two spokes that have synced."""
    found = {name: FakeSite(name) for name in ("hub", "west", "south")}
    found["hub"].edit(*domain("first"))
    assert following(found).settle().once() == []
    return found


def make_for(sites: Sites) -> Callable[[Post], Agent]:
    """It hears of a new hub from what fails, for nobody asks for an hour."""
    settings = AgentSettings(listen=None, poll=3600.0, first_backoff=0.02, lease=3.0)

    def make(post: Post) -> Agent:
        spokes = {name: site for name, site in sites.items() if name != post.hub}
        return Agent(sites[post.hub], spokes, settings, post=post)

    return make


def following(sites: Sites, memory: Path | None = None) -> Following:
    """The agent, wherever the hub is."""
    return Following(sites, "hub", make_for(sites), look=3600.0, least=0.01, memory=Memory(memory))


@contextmanager
def running(found: Following) -> Iterator[Following]:
    """At work; it has to end in order."""
    found.start()
    try:
        yield found
    finally:
        assert found.stop(PATIENCE)


def test_the_hub_of_the_latest_term_counts_not_that_of_the_file(sites: Sites) -> None:
    assert find_hub(sites, "hub") == Post("hub", "hub", 1)
    sites["west"].site.promote()
    post = find_hub(sites, "hub")
    assert (post.hub, post.term, post.taken) == ("west", 2, True)
    assert "set `hub: west`" in post.warning


def test_a_hub_that_is_down_stays_the_hub_until_another_one_is_promoted(sites: Sites) -> None:
    sites["hub"].down = True
    assert find_hub(sites, "hub") == Post("hub", "hub")
    assert find_hub(sites, "hub", Charter()) == Post("hub", "hub", 1)
    for site in sites.values():
        site.down = True
    assert find_hub(sites, "hub") == Post("hub", "hub")


def test_a_site_that_a_library_fails_at_does_not_end_the_search(sites: Sites) -> None:
    sites["west"].fault = OSError("no CA bundle")
    assert find_hub(sites, "hub") == Post("hub", "hub", 1)


def test_a_later_hub_that_is_down_is_waited_for(sites: Sites) -> None:
    """Driving the old one meanwhile would be driving two."""
    sites["west"].site.promote()
    sites["south"].follow(2, "west", None, sites["west"].store.data.state.lineage)
    sites["west"].down = True
    assert find_hub(sites, "hub").hub == "west"


def test_one_that_was_appointed_and_not_promoted_is_named(sites: Sites) -> None:
    sites["hub"].site.resign("west")
    post = find_hub(sites, "hub")
    assert not post.taken
    assert "viaduct promote west" in post.warning


def test_a_hub_that_is_not_in_the_file_can_not_be_followed(sites: Sites) -> None:
    sites["west"].site.promote()
    known = {name: site for name, site in sites.items() if name != "west"}
    sites["south"].follow(2, "west", None, sites["west"].store.data.state.lineage)
    with pytest.raises(ConfigError, match="west is the hub since term 2"):
        find_hub(known, "hub")


def test_a_limited_spoke_leads_nobody_astray(sites: Sites) -> None:
    charter = sites["hub"].site.charter()
    limited = replace(charter, coverages={"south": Coverage(kinds=frozenset({"user"}))})
    sites["hub"].site.write_charter(limited, charter.edition)
    data = sites["south"].store.data
    data.state = replace(data.state, term=9, hub="south")
    assert find_hub(sites, "hub").hub == "hub"
    data.state = replace(data.state, term=9, hub="west")
    assert find_hub(sites, "hub").hub == "hub"


def test_once_works_at_the_real_hub(sites: Sites) -> None:
    sites["west"].site.promote()
    sites["hub"].edit(*domain("acme"))
    sites["west"].edit(*domain("bold"))
    agent = following(sites).settle()
    assert agent.hub.name == "west"
    assert agent.once() == []
    for site in sites.values():
        assert site.has(domain("acme")[0]) and site.has(domain("bold")[0])
    assert sites["hub"].store.data.state.hub == "west"


def test_a_promotion_while_it_works_is_followed_at_the_first_refusal(sites: Sites) -> None:
    """The old hub is not heard any more, and its lease is given back."""
    with running(following(sites)) as found:
        assert eventually(lambda: found.agent.lease.holding and at_rest(found.agent))
        old = found.agent
        sites["west"].site.promote()
        sites["hub"].edit(*domain("acme"))
        old._wake("west")  # its next page, of a later term, is refused
        assert sites["south"].await_record(domain("acme")[0])
        assert found.agent.hub.name == "west" and found.agent.lease.holding
        assert not old.lease.holding and sites["hub"].held_by == ""
        shown = snapshot(found.agent)
        assert (shown["hub"], shown["term"], shown["configured_hub"]) == ("west", 2, "hub")
        assert "outdated" in shown["hub_warning"]


def test_a_hub_that_died_is_left_when_another_one_is_promoted(sites: Sites) -> None:
    """And no step of the old agent is under way when the new one begins."""
    with running(following(sites)) as found:
        assert eventually(lambda: found.agent.lease.holding and at_rest(found.agent))
        old = found.agent
        sites["hub"].down = True
        sites["west"].site.promote()
        found.doubt()
        assert eventually(lambda: found.agent.hub.name == "west" and found.agent.lease.holding)
        assert old.workers.join(0.0)
        sites["west"].edit(*domain("acme"))
        found.agent._wake("west")
        assert sites["south"].await_record(domain("acme")[0])
    sites["hub"].down = False
    assert following(sites).settle().once() == []
    assert sites["hub"].has(domain("acme")[0])


def test_a_site_that_answers_too_late_does_not_hold_up_the_search(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keystone_viaduct.sync.agent.post.PATIENCE", 0.2)
    sites["south"].site.promote()
    sites["west"].blocked = threading.Event()
    try:
        assert find_hub(sites, "hub").hub == "south"
    finally:
        sites["west"].blocked.set()


def unsigned(sites: Sites) -> None:
    """As if they were of a release that signs nothing."""
    for site in sites.values():
        site.store.signer, site.store.data.state = None, replace(site.store.data.state, lineage=())


def limit_south(sites: Sites) -> None:
    """The hub limits the south, which denies it, and says that it is the hub itself, since long."""
    charter = sites["hub"].site.charter()
    limited = replace(charter, coverages={"south": Coverage(kinds=frozenset({"user"}))})
    sites["hub"].site.write_charter(limited, charter.edition)


def lie_in_the_south(sites: Sites) -> None:
    data = sites["south"].store.data
    data.state = replace(data.state, term=9, hub="south", charter=Charter())


def test_a_limited_spoke_leads_nobody_astray_while_the_hub_is_away(sites: Sites) -> None:
    """What the hub said of who may lead is remembered, whatever charter the others show."""
    limit_south(sites)
    found = following(sites)
    found.settle()
    lie_in_the_south(sites)
    sites["hub"].down = sites["west"].down = True
    assert found.settle().hub.name == "hub"
    sites["west"].down = False
    assert found.settle().hub.name == "hub"


@pytest.mark.parametrize("answering", [["south"], ["south", "west"]])
def test_an_agent_that_starts_while_the_hub_is_away_is_led_by_no_site_that_lies(
    sites: Sites, answering: list[str], tmp_path: Path
) -> None:
    """Be there what another one has remembered, or nothing; though only those answer who lie."""
    limit_south(sites)
    file = tmp_path / "memory.json"
    assert following(sites, file).settle().once() == []
    for name in answering:
        data = sites[name].store.data
        data.state = replace(data.state, term=9, hub="south", charter=Charter())
    for name in {"hub", "west"} - set(answering):
        sites[name].down = True
    sites["hub"].down = True
    assert following(sites, file).settle().hub.name == "hub"
    found = find_hub(sites, "hub")
    assert (found.hub, found.doubted) == ("hub", "south") and "set `hub: south`" in found.warning


def test_an_agent_that_starts_while_the_hub_is_away_goes_by_what_was_remembered(
    sites: Sites, tmp_path: Path
) -> None:
    file = tmp_path / "memory.json"
    limit_south(sites)
    following(sites, file).settle()
    sites["hub"].down = True
    sites["west"].site.promote()
    assert following(sites, file).settle().hub.name == "west"
    assert json.loads(file.read_text())["term"] == 2
    sites["west"].down = True
    sites["hub"].down = False
    assert following(sites, file).settle().hub.name == "west", "an earlier term does not count again"
    assert Following(sites, "hub", make_for(sites)).settle().hub.name == "hub"
    assert Memory(file).load("south") is None, "who names another hub has decided anew"


def test_a_memory_that_can_not_be_read_or_written_is_said_and_done_without(
    sites: Sites, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "memory.json"
    file.write_text('{"configured": "hub"}')
    assert Memory(file).load("hub") is None and "can't be read" in caplog.text
    nowhere = Memory(tmp_path / "none" / "memory.json")
    for term in (1, 2):
        nowhere.save(Known("hub", "hub", term, Charter()))
    assert caplog.text.count("can't be written") == 1 and "agent.memory" in caplog.text


def test_a_spoke_that_was_limited_a_moment_ago_leads_nobody_astray(sites: Sites) -> None:
    """What was remembered of the charter is of before; the hub shows the present one when it is asked."""
    found = following(sites)
    found.settle()
    limit_south(sites)
    lie_in_the_south(sites)
    assert found.settle().hub.name == "hub"
    assert find_hub(sites, "hub", Charter()).hub == "hub"


def test_what_the_hubs_feed_has_shown_of_its_charter_counts_once_it_is_away(sites: Sites) -> None:
    found = following(sites)
    found.settle()
    limit_south(sites)
    assert found.agent.once() == []
    lie_in_the_south(sites)
    sites["hub"].down = True
    assert found.settle().hub.name == "hub"


def test_nobody_is_believed_while_the_hub_answers_but_does_not_show_its_charter(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_south(sites)
    lie_in_the_south(sites)

    def fail() -> Charter:
        raise SiteUnavailable("hub has no time", hint="wait")

    monkeypatch.setattr(sites["hub"], "charter", fail)
    assert find_hub(sites, "hub", Charter()).hub == "hub", "what it has signed says enough"
    unsigned(sites)
    found = find_hub(sites, "hub", Charter())
    assert (found.hub, found.doubted) == ("hub", "south")


def test_a_term_that_only_a_limited_site_has_heard_of_does_not_count(sites: Sites) -> None:
    """Else no hub that is promoted later would be followed any more."""
    limit_south(sites)
    data = sites["south"].store.data
    data.state = replace(data.state, term=10**9, hub="hub")
    assert find_hub(sites, "hub").term == 1
    sites["hub"].down = True
    assert find_hub(sites, "hub", sites["hub"].site.charter()).term == 1


def test_what_was_before_is_not_followed_again(sites: Sites) -> None:
    found = following(sites)
    sites["west"].site.promote()
    assert found.settle().hub.name == "west"
    sites["west"].down = True
    for name in ("hub", "south"):
        data = sites[name].store.data
        data.state = replace(data.state, term=1, hub="hub")
    assert found.settle().hub.name == "west"
