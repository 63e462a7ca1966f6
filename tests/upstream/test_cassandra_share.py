"""A share of upstream's tests of the drivers for Cassandra in every run of the tests: over tables in
memory, and where its jars are here, a smaller one on a real node.

All of them: ``make test-upstream ENGINE=cassandra SUITE=all``.
"""

from __future__ import annotations

import pytest

from keystone_viaduct.testing.cassandra.node import missing
from tests.support import cassandras
from tests.upstream import skips, suites
from tests.upstream.engines import ENGINES
from tests.upstream.needs import need_ldap
from tests.upstream.outcomes import count
from tests.upstream.processes import RELEASE, Run, execute

pytestmark = pytest.mark.upstream


@pytest.mark.parametrize(
    ("engine", "suite"), [("cassandra-memory", "cassandra"), ("cassandra", "cassandra-share")]
)
def test_upstreams_tests_pass_with_the_drivers_for_cassandra(engine: str, suite: str) -> None:
    need_ldap()
    reason = missing(cassandras.JARS) if engine == "cassandra" else None
    if reason is not None:
        pytest.skip(reason)  # one in memory has run, and says as much about the drivers
    expected, apart = (of(ENGINES[engine], RELEASE) for of in (skips.expected, skips.not_of))
    result = execute(Run(engine, suite, skips=expected, apart=apart, processes=1))
    assert skips.unexpected(result.outcomes, expected, suites.modules(suite), apart) == []
    assert count(result.outcomes, "passed") > 30
    assert result.tally["calls"] > 200
