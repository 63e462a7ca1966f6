"""A share of upstream's suites on each engine, wrapped, in every run of the tests.

All of them: ``python -m tests.upstream.run --engine postgresql --suite all``.
"""

from __future__ import annotations

import pytest

from tests.support.servers import MissingServer, unavailable
from tests.upstream import run as upstream
from tests.upstream.needs import need_ldap


@pytest.mark.upstream
@pytest.mark.parametrize(
    "engine",
    [
        "sqlite",
        pytest.param("postgresql-serializable", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_upstreams_tests_pass_on_the_engine(engine: str) -> None:
    need_ldap()
    run = upstream.Run(engine, "share", wrapped=True, skips=upstream.expected_skips(engine), processes=1)
    try:
        outcomes = upstream.execute(run)
    except MissingServer as missing:
        unavailable(str(missing), f"without it nothing is known about {engine}")
    assert upstream.differences(run, outcomes) == []
    assert upstream.count(outcomes, "passed") > 60


def test_every_expected_skip_has_a_reason_and_names_one_test() -> None:
    for engine in upstream.ENGINES:
        for name, reason in upstream.expected_skips(engine).items():
            assert name.count("::") == 2, name
            assert "*" not in name
            assert len(reason) > 10, name
