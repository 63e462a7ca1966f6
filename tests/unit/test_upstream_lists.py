"""How outcomes of upstream's tests are judged, and the lists of expected skips themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keystone_viaduct.testing import galera
from tests.support.servers import MissingServer
from tests.upstream import skips
from tests.upstream.engines import ENGINES, databases
from tests.upstream.outcomes import Outcome, differing, summary

ROOT = Path(__file__).resolve().parents[2]
LISTS = sorted(skips.FOLDER.glob("*/*.yaml"))


@pytest.mark.parametrize("path", LISTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_expected_skip_names_one_test_and_has_a_reason(path: Path) -> None:
    listed = skips.read(path)
    assert listed
    whole = path.stem.endswith("-apart")  # also classes
    for name, reason in listed.items():
        assert name.count("::") in ((1, 2) if whole else (2,)), name
        assert "*" not in name
        assert len(reason) > 10, name


@pytest.mark.parametrize("engine", ENGINES)
def test_no_test_is_on_two_lists_of_an_engine(engine: str) -> None:
    for release in {path.parent.name for path in LISTS}:
        expected, apart = (of(ENGINES[engine], int(release)) for of in (skips.expected, skips.not_of))
        assert expected
        assert not [name for name in expected if skips.apart(name, apart)]


def test_a_test_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text('a.py::A::test: "the first reason"\na.py::A::test: "the second reason"\n')
    with pytest.raises(skips.Contradiction):
        skips.read(path)


def test_whatever_is_not_as_listed_is_told() -> None:
    passed = [Outcome(f"m.py::T::p{number}", "passed", "") for number in range(200)]
    outcomes = [
        *passed,
        Outcome("m.py::T::fails", "failed", "E   keystone.exception.Conflict: taken"),
        Outcome("m.py::T::skips", "skipped", "no reason"),
        Outcome("m.py::T::listed", "skipped", "as listed"),
    ]
    listed = {
        "m.py::T::listed": "as listed",
        "m.py::T::p1": "was broken",
        "m.py::T::gone": "was broken",
        "other.py::T::x": "of a module that was not run",
    }
    assert skips.unexpected(outcomes, listed, {"m.py"}) == [
        "FAILED m.py::T::fails: E keystone.exception.Conflict: taken",
        "LISTED, BUT THERE IS NO SUCH TEST m.py::T::gone",
        "UNEXPECTED PASS m.py::T::p1",
        "UNEXPECTED SKIP m.py::T::skips: no reason",
    ]


def test_what_is_not_of_an_engine_is_named_apart_and_an_entry_that_names_nothing_is_told() -> None:
    listed = {"m.py::SqlModels": "models", "m.py::T::session": "a session", "m.py::Gone": "is not there"}
    names = ["m.py::SqlModels::columns", "m.py::T::session", "m.py::T::other"]
    assert [skips.apart(name, listed) for name in names] == ["models", "a session", None]
    outcomes = [Outcome(name, "apart", skips.apart(name, listed) or "") for name in names[:2]]
    outcomes.append(Outcome(names[2], "passed", ""))
    assert skips.unexpected(outcomes, {}, {"m.py"}, listed) == [
        "LISTED, BUT THERE IS NO SUCH TEST m.py::Gone"
    ]
    assert summary(outcomes) == "passed=1 skipped=0 failed=0 apart=2"


def test_more_than_two_of_a_hundred_skips_are_refused() -> None:
    outcomes = [Outcome(f"m.py::T::p{number}", "passed", "") for number in range(97)]
    listed = {f"m.py::T::s{number}": "as listed" for number in range(3)}
    outcomes += [Outcome(name, "skipped", "as listed") for name in listed]
    assert skips.unexpected(outcomes, listed, {"m.py"}) == []
    assert skips.too_many([*outcomes[:-1], Outcome("m.py::T::p", "passed", "")]) == []
    assert skips.too_many(outcomes) == ["TOO MANY SKIPS 3 of 100; 2% are allowed"]


def test_a_failure_is_told_by_the_error_that_it_ended_with() -> None:
    reason = """E   psycopg2.errors.NumericValueOutOfRange: integer out of range
E   DETAIL:  as the server says

E   oslo_db.exception.DBError: (psycopg2.errors.NumericValueOutOfRange) integer out of range
E   (Background on this error at: …)"""
    failed = Outcome("m.py::T::t", "failed", reason)
    assert failed.error == "DBError"
    assert failed.brief.startswith("E oslo_db.exception.DBError: (psycopg2")
    reason = """testtools.testresult.real._StringException: Traceback (most recent call last):
  File "core.py", line 614, in wrapper
keystone.exception.Conflict: Conflict occurred attempting to store trust - Duplicate entry."""
    assert Outcome("m.py::T::t", "failed", reason).error == "Conflict"
    assert Outcome("m.py::T::t", "skipped", "why").brief == "why"


def test_what_comes_out_differently_is_named() -> None:
    stock = [
        Outcome("a", "passed", ""),
        Outcome("b", "failed", "E   KeyError: 'x'"),
        Outcome("c", "skipped", "w"),
    ]
    ours = [Outcome("a", "failed", "E   x.y.Conflict: z"), Outcome("b", "failed", "E   ValueError: 'x'")]
    assert differing(stock, ours) == [
        "a: stock passed; ours failed E x.y.Conflict: z",
        "b: stock failed E KeyError: 'x'; ours failed E ValueError: 'x'",
        "c: stock skipped w; ours was not run",
    ]
    assert differing(stock, stock) == []


def test_an_engine_that_cannot_be_started_here_wants_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = "cockroach"
    variable = ENGINES[engine].variable
    assert variable is not None
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(MissingServer, match=variable), databases(ENGINES[engine], 1):
        pass


def test_galera_without_a_cluster_or_a_url_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIADUCT_GALERA_URL", raising=False)
    monkeypatch.setattr(galera, "missing", lambda: "missing: galera-4")
    with pytest.raises(MissingServer, match=r"galera-4.*VIADUCT_GALERA_URL"), databases(ENGINES["galera"], 1):
        pass


def test_a_run_on_an_engine_that_is_not_to_be_had_says_so_and_ends_with_3() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIADUCT_COCKROACH_URL"}
    command = [sys.executable, "-W", "ignore", "-m", "tests.upstream.run", "--engine", "cockroach"]
    done = subprocess.run(
        [*command, "--suite", "drivers"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "VIADUCT_COCKROACH_URL is not set" in done.stderr
    assert "cockroachdb+psycopg2://" in done.stderr
