"""Whatever Keystone takes arrives at the other site, or is named; nothing stops a link."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.records.play import fleet, play
from tests.support.databases import DatabaseScope

pytestmark = pytest.mark.keystone
RECORDS = 250


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_records_at_random_arrive_or_are_named(
    request: pytest.FixtureRequest, database_scope: DatabaseScope, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}: make test-records ARGS='--records {RECORDS} --seed {seed}'")
    engines = random.Random(seed).sample(["postgresql", "mariadb", "sqlite"], 2)
    for engine in {*engines} - {"sqlite"}:
        request.getfixturevalue(engine)
    with fleet(tmp_path, [database_scope.keystone(engine) for engine in engines]) as pair:
        verdict = play(pair, seed, RECORDS)
    assert verdict.well, (seed, engines, verdict.stopped[:3], verdict.unnamed[:3], verdict.lost[:3])
    assert verdict.records >= RECORDS
