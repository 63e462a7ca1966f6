"""What browsers get: who may see and do what, and what holds for every answer."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.testclient import TestClient

from keystone_viaduct.dashboard.web.app import DONE, SHOWN, application
from keystone_viaduct.dashboard.web.services import Services
from keystone_viaduct.sync.agent.dashboard import ACCOUNT, ADMINISTRATOR, DashboardSettings
from keystone_viaduct.sync.model import Ref, Waiting
from tests.support.dashboards import (
    HOSTILE,
    Pretended,
    PretendedPeople,
    arrivals,
    conflict,
    record,
    services,
    small,
    viewed,
)

NOW = time.time()
ORIGIN = "http://127.0.0.1"
USER = Ref("user", "5f3c" * 8)
PAGES = [
    "/",
    "/sites/west",
    "/changes",
    "/conflicts",
    "/waiting",
    "/checks",
    "/progress",
    "/search",
    "/login",
]


def people(name: str = "anna", email: str = "anna@west") -> PretendedPeople:
    made = PretendedPeople()
    found = conflict(NOW)
    document = {"id": USER.key, "name": name, "email": "anna@east"}
    made.records = {(site, USER): record(document) for site in made.names}
    made.details = {
        found.id: {
            **{
                n: getattr(found, n)
                for n in ("id", "kind", "key", "sort", "decided", "site", "open", "resolution")
            },
            "explanation": name,
            "fields": ["email"],
            "at": int(NOW * 1e6),
            "lost": {"email": email},
        }
    }
    return made


def hostile() -> Pretended:
    """A fleet in which everything that may be named is named by somebody who means no good."""
    fleet = small(NOW)
    stuck = Waiting(Ref("user", HOSTILE), HOSTILE, "quarantined", HOSTILE, HOSTILE, HOSTILE, 5)
    sites = {
        name: replace(one, release=HOSTILE, product=HOSTILE, hub=HOSTILE, waiting={"quarantined": 1})
        for name, one in fleet.sites.items()
    }
    links = tuple(replace(link, error=HOSTILE, code="x") for link in fleet.links)
    listed = conflict(NOW, kind=HOSTILE, key=HOSTILE, explanation=HOSTILE, fields=(HOSTILE,), site=HOSTILE)
    view = viewed(NOW, "east", sites, links, {"west": (stuck,)})
    seen = [one._replace(name=HOSTILE, key=HOSTILE, kind=HOSTILE, origin=HOSTILE) for one in arrivals(NOW, 3)]
    return Pretended(
        replace(
            fleet, sites=sites, links=links, conflicts=(listed,), view=view, warning=HOSTILE, holder=HOSTILE
        ),
        seen,
    )


def client(made: Services, base: str = ORIGIN) -> TestClient:
    return TestClient(application(made), base, client=("127.0.0.1", 50000), follow_redirects=False)


@pytest.fixture
def made() -> Services:
    fleet = replace(small(NOW), conflicts=(conflict(NOW),))
    return services(Pretended(fleet, arrivals(NOW)), people())


@pytest.fixture
def browser(made: Services) -> Iterator[TestClient]:
    with client(made) as opened:
        yield opened


def token(page: httpx.Response) -> str:
    """Of the page's last form: the one before it is that of the log-out."""
    return html.unescape(re.findall('name="csrf" value="([^"]+)"', page.text)[-1])


def log_in(browser: TestClient, user: str = "admin", **more: str) -> httpx.Response:
    form = {
        "csrf": token(browser.get("/login")),
        "how": "password",
        "user": user,
        "password": "secret",
        **more,
    }
    answer: httpx.Response = browser.post("/login", data=form, headers={"Origin": ORIGIN})
    return answer


def test_every_page_is_shown_and_carries_a_strict_policy(browser: TestClient) -> None:
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "set-cookie" not in answer.headers or path == "/login"


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(browser: TestClient) -> None:
    for path in PAGES:
        text = browser.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)", text), path
        assert not re.search(r"\s(on[a-z]+|style)=", text), path
        assert not re.search(r"(src|href|action)=\"(?!/|#)", text), path


def test_every_hostile_name_is_text_on_every_page() -> None:
    made = services(hostile(), people(HOSTILE, HOSTILE))
    with client(made) as browser:
        assert log_in(browser).status_code == 303
        first = conflict(NOW).id
        searched = f"/search?kind=user&by=key&q={USER.key}"
        some = [
            "/?q=<script>",
            f"/conflicts/{first}",
            f"/conflicts/{first}/resolve?action=restore&as=<b>",
            searched,
        ]
        for path in [*PAGES, *some, "/search?kind=<img>&q=<script>", "/sites/<script>"]:
            text = browser.get(path).text
            assert "<script>window" not in text, path
            assert "<img" not in text, path
            assert "<b>" not in text, path
            assert "49" not in re.findall(r"\{\{7\*7\}\}|>49<", text), path
            assert "\u202e" not in text, path
            assert "\x00" not in text, path


def test_a_name_that_leads_here_by_another_way_is_not_served(made: Services) -> None:
    with client(made) as browser:
        for host in ("evil.example", "evil.example:7789", "127.0.0.1.evil.example", ""):
            assert browser.get("/", headers={"Host": host}).status_code == 421, host
        for host in ("127.0.0.1:7789", "localhost:7789", "[::1]:7789", "10.0.0.7"):
            assert browser.get("/", headers={"Host": host}).status_code == 200, host
    named = services(Pretended(small(NOW)), settings=DashboardSettings(url="https://fleet.example.org"))
    with client(named, "https://fleet.example.org") as browser:
        assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "path", [path for path in DONE if "{" not in path] + ["/conflicts/a/resolve", "/roads/west"]
)
def test_nothing_is_done_without_a_session_its_form_and_our_own_page(browser: TestClient, path: str) -> None:
    form = {"csrf": "x", "action": "keep"}
    assert browser.post(path, data=form, headers={"Origin": ORIGIN}).status_code == 401
    log_in(browser)
    assert browser.post(path, data=form, headers={"Origin": ORIGIN}).status_code == 400
    good = {**form, "csrf": token(browser.get("/"))}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.post(path, data=good, headers=headers).status_code == 400, headers


def test_a_log_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(browser: TestClient) -> None:
    answer = log_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    (cookie,) = (c for c in answer.headers.get_list("set-cookie") if c.startswith("viaduct="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "token-admin" not in cookie + answer.text
    page = browser.get("/")
    assert "admin" in page.text
    assert "token-admin" not in page.text


def test_no_secret_is_in_any_address_and_no_token_on_any_page(browser: TestClient, made: Services) -> None:
    """Every page that a link leads to from the first one."""
    log_in(browser)
    session = browser.cookies["viaduct"]
    person = made.sessions.find(session)
    assert person is not None
    secrets, seen, ahead = {session, person.csrf, person.person.token}, set(), ["/"]
    while ahead:
        path = ahead.pop()
        seen.add(path)
        answer = browser.get(path)
        assert answer.status_code in (200, 303), path
        text = html.unescape(answer.text)
        addresses = re.findall(r'(?:href|action|src)="([^"]*)"', text) + [answer.headers.get("location", "")]
        assert not any(secret in address for secret in secrets for address in addresses), path
        assert person.person.token not in answer.text, path
        assert session not in answer.text, path
        links = (link.partition("#")[0] for link in re.findall(r'<a\b[^>]*href="([^"]*)"', text))
        ahead += [link for link in links if link.startswith("/") and link not in {*seen, *ahead}]
        ahead = ahead[:200]
    acting = "/act?action=rotate&subject=tokens"
    assert {"/conflicts", "/search", "/sites/west", f"/conflicts/{conflict(NOW).id}", acting} <= seen


def test_with_tls_the_cookie_is_for_this_host_and_tls_alone() -> None:
    made = services(Pretended(small(NOW)), settings=DashboardSettings(url="https://fleet.example.org"))
    with client(made, "https://fleet.example.org") as browser:
        form = {"csrf": token(browser.get("/login")), "user": "admin", "password": "secret"}
        answer = browser.post("/login", data=form, headers={"Origin": "https://fleet.example.org"})
        assert re.search("__Host-viaduct=.*; HttpOnly; Path=/; SameSite=strict; Secure", str(answer.headers))


def test_a_password_is_not_taken_over_a_road_that_others_may_be_on(made: Services) -> None:
    with TestClient(
        application(made), "http://10.0.0.7", client=("10.0.0.9", 1), follow_redirects=False
    ) as far:
        page = far.get("/login")
        assert "not sent without TLS" in page.text
        assert 'type="password"' not in page.text


def test_a_wrong_password_is_said_and_guessing_is_slow(made: Services) -> None:
    with client(replace(made, clock=lambda: NOW)) as browser:
        answers = [log_in(browser, password=f"guess{number}").status_code for number in range(12)]
        assert answers == [401] * 10 + [429] * 2
        assert "viaduct" not in browser.cookies


def test_an_account_with_two_factors_is_asked_for_the_second(browser: TestClient) -> None:
    page = log_in(browser, "careful")
    assert page.status_code == 200
    assert 'name="code"' in page.text
    assert 'type="password"' not in page.text
    form = {"csrf": token(page), "receipt": "receipt", "user": "careful", "code": "123 456"}
    assert browser.post("/login", data=form, headers={"Origin": ORIGIN}).status_code == 303
    assert "careful" in browser.get("/").text


def test_an_application_credential_looks_and_does_not_act(made: Services) -> None:
    made = replace(made, settings=replace(made.settings, look=ACCOUNT))
    with client(made) as browser:
        assert browser.get("/").headers["location"] == "/login?next=%2F"
        form = {
            "csrf": token(browser.get("/login")),
            "how": "application",
            "application": "a1",
            "secret": "s",
        }
        assert browser.post("/login", data=form, headers={"Origin": ORIGIN}).status_code == 303
        assert browser.get("/").status_code == 200
        assert "takes the role" in browser.get(f"/conflicts/{conflict(NOW).id}").text


def test_where_only_administrators_look_nobody_else_sees_anything(made: Services) -> None:
    made = replace(made, settings=replace(made.settings, look=ADMINISTRATOR))
    with client(made) as browser:
        for path in [path for path in SHOWN if "{" not in path]:
            assert browser.get(path).status_code == 303, path
        assert browser.get("/events").status_code == 403
        form = {
            "csrf": token(browser.get("/login")),
            "how": "application",
            "application": "a1",
            "secret": "s",
        }
        browser.post("/login", data=form, headers={"Origin": ORIGIN})
        assert browser.get("/").status_code == 403
        log_in(browser, "reader")
        assert browser.get("/").status_code == 200


def test_the_way_back_after_a_log_in_leads_nowhere_else(browser: TestClient) -> None:
    for target in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nb",
    ):
        answer = log_in(browser, next=target)
        assert answer.headers["location"] == "/", target
    assert log_in(browser, next="/search?q=a").headers["location"] == "/search?q=a"


def test_what_records_contain_is_for_who_is_logged_in(browser: TestClient) -> None:
    for path in (f"/conflicts/{conflict(NOW).id}", f"/search?kind=user&q={USER.key}"):
        assert browser.get(path).headers["location"].startswith("/login?next=")


def test_a_conflict_is_resolved_after_a_look_at_what_that_does(browser: TestClient, made: Services) -> None:
    log_in(browser)
    first = conflict(NOW).id
    assert "anna@west" in browser.get(f"/conflicts/{first}").text
    asked = browser.get(f"/conflicts/{first}/resolve", params={"action": "restore", "as": ""})
    assert re.search("anna@east.*anna@west", asked.text, re.DOTALL)
    form = {"csrf": token(asked), "action": "restore", "as": "", "digest": "d1"}
    answer = browser.post(f"/conflicts/{first}/resolve", data=form, headers={"Origin": ORIGIN})
    assert answer.status_code == 303
    assert isinstance(made.people, PretendedPeople)
    assert made.people.resolved == [(first, "restore", "")]
    assert "restored" in browser.get(answer.headers["location"]).text
    again = browser.post(f"/conflicts/{first}/resolve", data=form, headers={"Origin": ORIGIN})
    assert again.status_code == 400
    assert len(made.people.resolved) == 1


def test_a_record_that_has_changed_since_is_shown_anew_and_nothing_is_done(
    browser: TestClient, made: Services
) -> None:
    log_in(browser)
    first = conflict(NOW).id
    form = {"csrf": token(browser.get("/")), "action": "restore", "as": "", "digest": "older"}
    answer = browser.post(f"/conflicts/{first}/resolve", data=form, headers={"Origin": ORIGIN})
    assert "has changed since you looked" in answer.text
    assert isinstance(made.people, PretendedPeople)
    assert made.people.resolved == []


def test_without_the_role_the_hub_refuses_and_no_button_offers_it(
    browser: TestClient, made: Services
) -> None:
    log_in(browser, "reader")
    first = conflict(NOW).id
    assert "Restore" not in browser.get(f"/conflicts/{first}").text
    form = {"csrf": token(browser.get("/")), "action": "restore", "as": "", "digest": "d1"}
    answer = browser.post(f"/conflicts/{first}/resolve", data=form, headers={"Origin": ORIGIN})
    assert answer.status_code == 403
    assert "not authorized" in answer.text
    assert isinstance(made.people, PretendedPeople)
    assert made.people.resolved == []
    acted = browser.post(
        "/act",
        data={"csrf": form["csrf"], "action": "rotate", "subject": "tokens"},
        headers={"Origin": ORIGIN},
    )
    assert acted.status_code == 403


def test_a_log_out_ends_the_session(browser: TestClient) -> None:
    log_in(browser)
    form = {"csrf": token(browser.get("/"))}
    held = dict(browser.cookies)
    assert browser.post("/logout", data=form, headers={"Origin": ORIGIN}).status_code == 303
    browser.cookies.update(held)
    assert browser.get(f"/search?kind=user&q={USER.key}").headers["location"].startswith("/login")


@pytest.mark.parametrize(
    "body",
    [b"x" * 70_000, b"a=1&" * 200, b"\xff\xfe", b'{"csrf": 1}'],
    ids=["long", "fields", "bytes", "json"],
)
def test_forms_that_are_none_are_refused(browser: TestClient, body: bytes) -> None:
    kind = "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded"
    answer = browser.post("/login", content=body, headers={"Origin": ORIGIN, "Content-Type": kind})
    assert answer.status_code == 400


def test_strange_questions_get_pages_not_errors(browser: TestClient) -> None:
    for path in (
        "/?page=x",
        "/?page=-1",
        "/?page=99999999999",
        "/?q=" + "a" * 5000,
        "/changes?site=nowhere&q=%00",
    ):
        assert browser.get(path).status_code == 200, path
    for path in ("/sites/nowhere", "/static/../serve.py", "/static/serve.py"):
        assert browser.get(path).status_code == 404, path
    log_in(browser)
    assert browser.get("/conflicts/..%2f..").status_code == 404
    assert browser.get("/conflicts/" + "a" * 100).status_code == 404
    assert browser.get("/act?action=drop&subject=west").status_code == 404


def test_a_search_finds_by_name_and_tells_where_it_is(browser: TestClient) -> None:
    log_in(browser)
    text = browser.get("/search?kind=user&q=anna").text
    assert "It is at all 3 sites that answered, and the same everywhere." in html.unescape(text)
