"""The pages in a browser, over fleets that are only told of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from keystone_viaduct.dashboard.web.services import Services
from keystone_viaduct.sync.model import Ref, Waiting
from tests.browser.conftest import PATIENCE, Axe, Keep, Open, Shape, each_shape
from tests.support.dashboards import (
    HOSTILE,
    Pretended,
    PretendedPeople,
    arrivals,
    conflict,
    large,
    record,
    services,
    serving,
    small,
    viewed,
)
from tests.support.troubled import traffic, troubled

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)
USER = Ref("user", "5f3c" * 8)
DOCUMENT = {
    "id": USER.key,
    "name": "anna",
    "enabled": True,
    "domain_id": "default",
    "email": "anna@east.example.org",
    "extra.phone": "+49 30 1234",
}


def people(name: str = "anna") -> PretendedPeople:
    made = PretendedPeople()
    document = {**DOCUMENT, "name": name}
    made.records = {(site, USER): record(document, secret=["password"]) for site in made.names}
    made.records["south", USER] = record({**document, "email": "anna@south.example.org"}, secret=["password"])
    found = conflict(time.time())
    plain = ("id", "kind", "key", "sort", "decided", "explanation", "site", "open", "resolution")
    made.details[found.id] = {
        **{part: getattr(found, part) for part in plain},
        "fields": list(found.fields),
        "at": int(found.at * 1e6),
        "lost": {"email": "anna@west.example.org"},
    }
    return made


@pytest.fixture
def seeing() -> Pretended:
    now = time.time()
    return Pretended(troubled(now), traffic(now))


@pytest.fixture
def made(seeing: Pretended) -> Services:
    return services(seeing, people())


@pytest.fixture
def url(made: Services) -> Iterator[str]:
    with serving(made) as address:
        yield address


def log_in(page: Page, user: str = "admin") -> None:
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("User").fill(user)
    page.get_by_label("Password", exact=True).fill("secret")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the screen"


@each_shape
def test_no_page_shuts_anybody_out(
    url: str, seeing: Pretended, shape: Shape, open_page: Open, axe: Axe, picture: Keep
) -> None:
    page = open_page(url, **shape.options)
    wrong = axe(page)
    picture(page, f"cut-{shape}")
    log_in(page)
    first = conflict(0).id
    for path, name in (
        ("/sites/west", "site"),
        ("/changes", "changes"),
        ("/conflicts", "conflicts"),
        (f"/conflicts/{first}", "conflict-before"),
        (f"/conflicts/{first}/resolve?action=restore", "confirm"),
        ("/waiting", "waiting"),
        ("/checks", "checks"),
        ("/progress", "progress"),
        ("/search?kind=user&q=anna", "search"),
        ("/act?action=rotate&subject=tokens", "rotate"),
        ("/conflicts/nowhere", "refused"),
    ):
        page.goto(url + path)
        wrong += axe(page)
        picture(page, f"{name}-{shape}")
        fits(page)
    page.goto(f"{url}/conflicts/{first}/resolve?action=restore")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("What was lost is back at the hub")).to_be_visible()
    seeing.show(replace(seeing.known, conflicts=()))
    expect(page.get_by_text("waits for a decision")).to_have_count(0)
    wrong += axe(page)
    picture(page, f"conflict-after-{shape}")
    assert wrong == [], "\n".join(wrong)


@each_shape
def test_a_fleet_that_is_well_says_so_at_a_glance(
    shape: Shape, open_page: Open, axe: Axe, picture: Keep
) -> None:
    now = time.time()
    spokes = ("bogota", "cairo", "dublin", "helsinki", "lagos", "osaka", "sydney")
    with serving(services(Pretended(small(now, "frankfurt", spokes)))) as url:
        page = open_page(url, **shape.options)
        expect(page.locator("#headline .sentence")).to_contain_text("All 8 sites are in step.")
        fits(page)
        assert axe(page) == []
        picture(page, f"map-{shape}")
        page.get_by_role("link", name="Log in").click()
        assert axe(page) == []
        picture(page, f"login-{shape}")


@each_shape
def test_a_thousand_sites_are_found_one_by_one_and_shown_at_a_glance(
    shape: Shape, open_page: Open, axe: Axe, picture: Keep
) -> None:
    with serving(services(Pretended(large(time.time())))) as url:
        page = open_page(url, **shape.options)
        expect(page.locator(".tile")).to_have_count(1000)
        assert axe(page) == []
        fits(page)
        picture(page, f"thousand-{shape}")
        page.get_by_label("Name, release or limits").fill("fra-")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_text("100 sites of 1,000")).to_be_visible()
        page.get_by_role("link", name="Next").click()
        expect(page.get_by_text("Page 2 of 4")).to_be_visible()
        page.get_by_role("link", name="sites are cut off").click()
        expect(page.get_by_text("15 sites of 1,000")).to_be_visible()


def test_an_open_page_follows_what_happens_without_a_reload(
    url: str, seeing: Pretended, open_page: Open
) -> None:
    page = open_page(url)
    expect(page.locator("#headline .sentence")).to_contain_text("1 site is cut off: west.")
    page.evaluate("window.same = true")
    seeing.show(small(time.time()))
    expect(page.locator("#headline .sentence")).to_contain_text("All 3 sites are in step.")
    expect(page.get_by_role("link", name="Conflicts", exact=True)).to_be_visible()
    assert page.evaluate("window.same") is True


def test_a_page_whose_agent_has_ended_says_how_old_it_is(made: Services, open_page: Open) -> None:
    with serving(made) as url:
        page = open_page(url)
        expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator("#stale")).to_contain_text("the agent that serves it does not answer")
    expect(page.locator("#headline .sentence")).to_contain_text("cut off")


def test_a_conflict_is_resolved(url: str, made: Services, open_page: Open) -> None:
    page = open_page(url)
    log_in(page)
    page.get_by_role("link", name="1 conflict waits for a decision").click()
    page.get_by_role("link", name="user anna").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
    expect(page.get_by_role("row", name="email anna@east.example.org anna@west.example.org")).to_be_visible()
    assert isinstance(made.people, PretendedPeople)
    assert made.people.resolved == [], "nothing is done before it is confirmed"
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("What was lost is back at the hub")).to_be_visible()
    assert made.people.resolved == [(conflict(0).id, "restore", "")]


def test_who_has_not_the_role_is_refused(url: str, made: Services, open_page: Open) -> None:
    page = open_page(url)
    log_in(page, "reader")
    page.goto(f"{url}/conflicts/{conflict(0).id}")
    expect(page.get_by_text("To decide takes the role")).to_be_visible()
    page.goto(f"{url}/conflicts/{conflict(0).id}/resolve?action=restore")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("You are not authorized")).to_be_visible()
    assert isinstance(made.people, PretendedPeople)
    assert made.people.resolved == []


def test_hostile_names_do_nothing(open_page: Open) -> None:
    now = time.time()
    fleet = troubled(now)
    stuck = Waiting(Ref("user", "u1"), HOSTILE, "quarantined", "quarantined", HOSTILE, "east", 5)
    sites = {
        name: replace(one, release=HOSTILE, waiting={"quarantined": 1}) for name, one in fleet.sites.items()
    }
    fleet = replace(
        fleet,
        sites=sites,
        conflicts=(conflict(now, name=HOSTILE, explanation=HOSTILE),),
        view=viewed(now, "east", sites, fleet.links, {"west": (stuck,)}),
        warning=HOSTILE,
    )
    with serving(services(Pretended(fleet, arrivals(now, name=HOSTILE)), people(HOSTILE))) as url:
        page = open_page(url)
        log_in(page)
        first = conflict(0).id
        searched = f"/search?kind=user&by=key&q={USER.key}"
        for path in (
            "/",
            "/sites/west",
            "/changes",
            "/conflicts",
            f"/conflicts/{first}",
            "/waiting",
            searched,
        ):
            page.goto(url + path)
            expect(page.locator("main")).to_contain_text("window.broken=1")
            assert page.evaluate("window.broken") is None, path
            assert page.locator("main img").count() == 0, path


def test_everything_can_be_done_with_the_keyboard(url: str, open_page: Open) -> None:
    page = open_page(url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    names = []
    for _ in range(30):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 20)"))
    for wanted in ("Fleet", "Conflicts 1 open", "1 site is cut off: w", "Search", "Log in", "Filter", "west"):
        assert wanted in names


def test_dark_and_light_can_be_chosen_and_are_remembered(url: str, open_page: Open) -> None:
    page = open_page(url)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.get_by_role("button", name="Dark").click()
    after = page.evaluate(ground)
    assert after != before
    page.reload()
    assert page.evaluate(ground) == after
