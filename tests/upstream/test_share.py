"""A share of upstream's suites on each engine, wrapped, in every run of the tests.

All of them: ``make test-upstream ENGINE=postgresql SUITE=all``.
"""

from __future__ import annotations

import functools

import pytest

from tests.support.servers import MissingServer, unavailable
from tests.upstream import skips, suites
from tests.upstream.engines import ENGINES
from tests.upstream.needs import need_ldap
from tests.upstream.outcomes import count, differing
from tests.upstream.processes import RELEASE, Result, Run, execute

pytestmark = pytest.mark.upstream


@functools.cache
def ours(engine: str) -> Result:
    """The share on an engine, wrapped, once per process; skips the test where there is no such engine."""
    need_ldap()
    try:
        return execute(Run(engine, "share", skips=skips.expected(ENGINES[engine], RELEASE), processes=1))
    except MissingServer as missing:
        unavailable(str(missing), f"without it nothing is known about {engine}", optional=engine == "mysql")


@pytest.mark.parametrize(
    "engine",
    [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("postgresql-serializable", marks=[pytest.mark.postgresql, pytest.mark.twin]),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        pytest.param("mysql", marks=[pytest.mark.mysql, pytest.mark.twin]),
        pytest.param("galera", marks=pytest.mark.galera),
    ],
)
def test_upstreams_tests_pass_on_the_engine(engine: str) -> None:
    result = ours(engine)
    expected = skips.expected(ENGINES[engine], RELEASE)
    assert skips.unexpected(result.outcomes, expected, suites.modules("share")) == []
    assert count(result.outcomes, "passed") > 60
    assert result.tally["calls"] > 1000
    assert result.tally["remembered"] > 0


def test_on_sqlite_each_test_comes_out_as_with_upstream_as_it_is() -> None:
    wrapped = ours("sqlite")
    stock = execute(Run("sqlite", "share", "stock", processes=1))
    assert differing(stock.outcomes, wrapped.outcomes) == []
    assert len(stock.outcomes) == len(wrapped.outcomes) > 60
    assert stock.tally.total() == 0 < wrapped.tally["calls"]
