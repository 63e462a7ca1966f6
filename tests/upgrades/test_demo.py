"""The demo of rolling upgrades: what its verdict rests on, and (slow) itself."""

from __future__ import annotations

import re
import subprocess
import sys
import threading

import pytest

from tests.support.keystones import ROOT, release
from tests.upgrades.demo.balancer import Balancer, Endpoint
from tests.upgrades.demo.load import Person, Tally, difference
from tests.upgrades.demo.show import Show

OLD = Endpoint("old", "http://127.0.0.1:1/v3", new=False)
NEW = Endpoint("new", "http://127.0.0.1:2/v3", new=True)


def test_a_server_that_is_taken_out_answers_what_it_has_and_gets_no_more() -> None:
    balancer = Balancer()
    for endpoint in (OLD, NEW):
        balancer.add(endpoint)
    with balancer.one() as busy:
        out = threading.Thread(target=balancer.remove, args=(busy,))
        out.start()
        while busy in balancer.serving:
            pass
        for _ in range(4):
            with balancer.one() as other:
                assert other != busy
        assert out.is_alive()
    out.join()


def test_a_locked_user_is_one_that_the_old_release_shows_as_disabled() -> None:
    person = Person("id", "ada", "secret", "locked", "note")
    shown = {"enabled": False, "description": "note", "status": "locked"}
    assert not difference(person, shown, OLD)
    assert not difference(person, shown, NEW)
    assert "status" in difference(person, {**shown, "status": "disabled"}, NEW)
    assert "enabled" in difference(person, {**shown, "enabled": True}, OLD)
    assert "description" in difference(person, {**shown, "description": ""}, OLD)


@pytest.mark.parametrize("wrong", ["failure", "lost", "step"])
def test_one_request_or_step_that_is_wrong_makes_the_verdict_bad(wrong: str) -> None:
    show = Show("none")
    current = show.round("one")
    with show.step("fine"):
        current.tally.count(0.1, OLD)
    assert show.good
    assert show.verdict() == "requests=1 failed=0 lost=0 deadlocks=0"
    if wrong == "step":
        with pytest.raises(AssertionError), show.step("not so"):
            raise AssertionError("no")
    else:
        current.tally.count(0.1, NEW, **{wrong: "it is"})
    assert not show.good


def test_requests_are_waited_for_by_their_number() -> None:
    tally = Tally()
    waiting = threading.Thread(target=tally.wait_for, args=(2,))
    tally.count(0.1, OLD)
    waiting.start()
    while waiting.is_alive():
        tally.count(0.1, OLD)
    assert tally.total("requests") >= 3


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_rolling_upgrade_of_real_keystones_fails_no_request(engine: str) -> None:
    for number in (24, 25):
        release(number)
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.upgrades.demo",
            "--engine",
            engine,
            "--requests",
            "300",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"requests=\d{3,} failed=0 lost=0 deadlocks=\d+", last)
