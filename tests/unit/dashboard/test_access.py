"""Who looks, who is logged in, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.dashboard.access import IDLE, LONGEST, Forms, Person, Sessions, may_look
from keystone_viaduct.sync.agent.dashboard import ACCOUNT, ADMINISTRATOR, ANYONE

ADMIN = Person("u1", "admin", "Default", "secret-token", 1e9, True, ("admin",))
MEMBER = replace(ADMIN, is_system=False, roles=("admin",))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("look", "person", "may"),
    [
        (ANYONE, None, True),
        (ACCOUNT, None, False),
        (ACCOUNT, MEMBER, True),
        (ADMINISTRATOR, MEMBER, False),
        (ADMINISTRATOR, ADMIN, True),
        (ADMINISTRATOR, None, False),
    ],
)
def test_who_may_look(look: str, person: Person | None, may: bool) -> None:
    assert may_look(look, person) is may


def test_only_administrators_of_the_system_act() -> None:
    assert ADMIN.may_act
    assert not MEMBER.may_act, "a project's administrator is none of the system"
    assert not replace(ADMIN, roles=("reader",)).may_act


def test_a_token_is_in_no_text_of_a_person() -> None:
    assert "secret-token" not in repr(ADMIN)


def test_a_session_ends_when_it_is_not_used_when_it_is_old_and_with_its_token() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    for lived in (IDLE, ADMIN.expires_at):
        clock.now = 1000.0
        found = sessions.open(replace(ADMIN, expires_at=min(ADMIN.expires_at, 1000.0 + lived)))
        assert sessions.find(found.id) is not None
        clock.now = 1000.0 + lived
        assert sessions.find(found.id) is None
    clock.now = 0.0
    found = sessions.open(ADMIN)
    for step in range(1, int(LONGEST / 1000)):
        clock.now = step * 1000.0
        assert sessions.find(found.id) is not None
    clock.now = LONGEST
    assert sessions.find(found.id) is None


def test_sessions_are_bounded_and_the_one_used_longest_ago_gives_way() -> None:
    clock = Clock()
    sessions = Sessions(clock, most=2)
    one, two = sessions.open(ADMIN), sessions.open(ADMIN)
    assert sessions.find(one.id) is not None
    three = sessions.open(ADMIN)
    assert sessions.find(two.id) is None
    assert None not in (sessions.find(one.id), sessions.find(three.id))
    assert len({one.id, two.id, three.id, one.csrf, two.csrf, three.csrf}) == 6


def test_a_form_fits_its_cookie_only() -> None:
    forms, others = Forms(), Forms()
    cookie = forms.new()
    assert forms.fits(cookie, forms.token(cookie))
    assert not forms.fits(cookie, others.token(cookie))
    assert not forms.fits("", forms.token(""))
    assert not forms.fits(forms.new(), forms.token(cookie))
