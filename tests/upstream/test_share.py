"""A share of upstream's suites on each engine, wrapped, in every run of the tests.

All of them: ``make test-upstream ENGINE=postgresql SUITE=all``.
"""

from __future__ import annotations

import pytest

from tests.support.servers import MissingServer, unavailable
from tests.upstream import skips, suites
from tests.upstream.engines import ENGINES
from tests.upstream.needs import need_ldap
from tests.upstream.outcomes import count, differing
from tests.upstream.processes import RELEASE, Run, execute


@pytest.mark.upstream
@pytest.mark.parametrize(
    "engine",
    [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("postgresql-serializable", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_upstreams_tests_pass_on_the_engine(engine: str) -> None:
    need_ldap()
    run = Run(engine, "share", skips=skips.expected(ENGINES[engine], RELEASE), processes=1)
    try:
        result = execute(run)
    except MissingServer as missing:
        unavailable(str(missing), f"without it nothing is known about {engine}")
    assert skips.unexpected(result.outcomes, run.skips, suites.modules("share")) == []
    assert count(result.outcomes, "passed") > 60
    assert result.tally["calls"] > 1000
    assert result.tally["remembered"] > 0


@pytest.mark.upstream
def test_the_share_comes_out_on_sqlite_as_upstream_as_it_is() -> None:
    need_ldap()
    ours, stock = (
        execute(Run("sqlite", "share", mode, processes=1)).outcomes for mode in ("wrapped", "stock")
    )
    assert differing(stock, ours) == []
    assert len(ours) == len(stock) > 60
