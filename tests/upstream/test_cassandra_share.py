"""A share of upstream's tests of the drivers for Cassandra, over tables in memory, in every run of the tests.

On a real one, and all of them: ``make test-upstream ENGINE=cassandra SUITE=drivers``.
"""

from __future__ import annotations

import pytest

from tests.upstream import skips, suites
from tests.upstream.engines import ENGINES
from tests.upstream.needs import need_ldap
from tests.upstream.outcomes import count
from tests.upstream.processes import RELEASE, Run, execute

pytestmark = pytest.mark.upstream


def test_upstreams_tests_pass_with_the_drivers_for_cassandra() -> None:
    need_ldap()
    expected = skips.expected(ENGINES["cassandra-memory"], RELEASE)
    result = execute(Run("cassandra-memory", "cassandra", skips=expected, processes=1))
    assert skips.unexpected(result.outcomes, expected, suites.modules("cassandra")) == []
    assert count(result.outcomes, "passed") > 30
    assert result.tally["calls"] > 200
