"""Two real Keystones, the agent between them, and its dashboard in a browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect
from rich.console import Console

from keystone_viaduct.demo.fleet import Fleet
from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystones, SiteSpec
from keystone_viaduct.demo.report import Narrator
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.wan import End, Link, Wan
from tests.browser.conftest import PATIENCE, Axe, Keep, Open

pytestmark = [pytest.mark.browser, pytest.mark.keystone]
expect.set_options(timeout=PATIENCE)


@dataclass
class Running:
    """``url`` is the dashboard's, without a slash at the end."""

    east: Place
    west: Place
    road: Link
    fabric: Fleet
    url: str

    def settle(self) -> None:
        """Wait until neither has anything for the other."""
        assert self.fabric.settle(PATIENCE / 1000)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ExitStack() as stack:
        keystones = Keystones(tmp_path_factory.mktemp("fleet"), [SiteSpec("east"), SiteSpec("west")])
        wan = stack.enter_context(Wan(20.0))
        east, west = (End(name, "127.0.0.1", site.port.number) for name, site in keystones.sites.items())
        road = wan.link(east, west)
        fabric = Fleet(Narrator(Console(file=io.StringIO())))
        fabric.equip(keystones, "east", {"west": road})
        stack.enter_context(keystones)
        stack.callback(fabric.stop)
        fabric.join(keystones, "east", {"west": road})
        hub, spoke = Place(keystones["east"]), Place(keystones["west"])
        stack.callback(hub.close)
        stack.callback(spoke.close)
        yield Running(hub, spoke, road, fabric, fabric.dashboard_url.rstrip("/"))


@pytest.fixture
def page(running: Running, open_page: Open) -> Page:
    """Logged in as the administrator of the demo."""
    opened = open_page(running.url)
    opened.get_by_role("link", name="Log in").first.click()
    opened.get_by_label("User").fill("admin")
    opened.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
    opened.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(opened.get_by_role("button", name="Log out")).to_be_visible()
    return opened


def test_a_user_is_found_at_every_site(running: Running, page: Page, picture: Keep) -> None:
    user = running.west.admin.post("users", user={"name": "anna", "domain_id": "default", "email": "a@west"})
    running.settle()
    page.goto(f"{running.url}/search?kind=user&q=anna")
    expect(page.get_by_text("It is at all 2 sites that answered, and the same everywhere.")).to_be_visible()
    expect(page.locator("#survey")).to_contain_text(user["id"])
    expect(page.locator("#survey")).to_contain_text("a@west")
    expect(page.locator("#survey .muted", has_text="as east and west tell").first).to_be_visible()
    picture(page, "demo-search")
    page.goto(f"{running.url}/changes?q=anna")
    expect(page.locator("ol.line")).to_contain_text("east")
    picture(page, "demo-changes")


def test_a_link_is_cut_and_healed(running: Running, page: Page, axe: Axe, picture: Keep) -> None:
    sentence = page.locator("#headline .sentence")
    page.goto(running.url)
    expect(sentence).to_contain_text("All 2 sites are in step.")
    page.get_by_role("button", name="Cut the road to west").click()
    expect(sentence).to_contain_text("1 site is cut off: west.")
    assert running.road.is_cut
    assert axe(page) == []
    picture(page, "demo-cut")
    page.get_by_role("button", name="Heal the road to west").click()
    expect(sentence).to_contain_text("All 2 sites are in step.")
    page.get_by_label("Round trip, ms").fill("35")
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_label("Round trip, ms")).to_have_value("35")
    assert running.road.rtt_ms == 35.0


def test_a_decision_of_the_hub_is_reversed(running: Running, page: Page, picture: Keep) -> None:
    user = running.east.admin.post("users", user={"name": "berta", "domain_id": "default", "email": "b@made"})
    running.settle()
    running.road.cut()
    for place, value in ((running.east, "b@east"), (running.west, "b@west")):
        place.admin.patch(f"users/{user['id']}", user={"email": value})
    running.road.heal()
    running.settle()
    assert running.west.admin.get(f"users/{user['id']}")["user"]["email"] == "b@east", "the hub is definitive"
    page.goto(f"{running.url}/conflicts?show=all&q={user['id']}")
    page.locator("#conflict-list tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("berta")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("row", name="b@east b@west")).to_be_visible()
    picture(page, "demo-confirm")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("What was lost is back at the hub")).to_be_visible()
    running.settle()
    for place in (running.east, running.west):
        assert place.admin.get(f"users/{user['id']}")["user"]["email"] == "b@west"
    page.goto(f"{running.url}/search?kind=user&q=berta")
    expect(page.get_by_text("It is at all 2 sites that answered, and the same everywhere.")).to_be_visible()


def test_who_has_no_role_on_the_system_looks_and_does_not_act(running: Running, open_page: Open) -> None:
    running.east.admin.post(
        "users", user={"name": "guest", "domain_id": "default", "password": "guest-secret"}
    )
    page = open_page(running.url)
    page.get_by_role("link", name="Log in").first.click()
    page.get_by_label("User").fill("guest")
    page.get_by_label("Password", exact=True).fill("guest-secret")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_text("(may look)")).to_be_visible()
    expect(page.get_by_role("button", name="Cut the road to west")).to_have_count(0)
    page.goto(f"{running.url}/search?kind=user&q=anna")
    expect(page.get_by_role("heading", name="That was not possible")).to_be_visible()
    assert not running.road.is_cut
