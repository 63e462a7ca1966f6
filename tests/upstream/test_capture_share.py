"""A share of upstream's tests comes out the same with capture installed and our wrapping as without.

All of the two suites: ``make test-upstream-capture``.
"""

from __future__ import annotations

import pytest

from tests.upstream import capture
from tests.upstream.needs import need_ldap
from tests.upstream.outcomes import count, differing

pytestmark = pytest.mark.keystone


def test_upstreams_tests_come_out_the_same_with_capture_as_without() -> None:
    need_ldap()
    plain, captured = capture.compare(capture.SUITES["share"], processes=2)
    assert differing(plain.outcomes, captured.outcomes) == []
    assert [one.name for one in captured.outcomes if one.outcome == "failed"] == []
    assert count(captured.outcomes, "passed") == count(plain.outcomes, "passed") >= 35
    assert (plain.databases, plain.marks.total()) == (0, 0)
    assert captured.databases >= 35, "every test's own database"
    assert len(captured.triggers) == 1, "the same in each, and still all there at its end"
    assert captured.marks["trust"] > 10
    assert captured.marks["user"] > 100
