"""The SQL of every operation, phase by phase, is what was read and committed, CockroachDB's too."""

from __future__ import annotations

import pytest

from keystone_viaduct.upgrade.steps import Refusal
from tests.golden.conftest import Golden
from tests.unit.upgrade.samples import OPERATIONS, VERSIONS, statements


@pytest.mark.parametrize("engine", VERSIONS)
def test_the_sql_of_every_operation_is_the_committed_one(engine: str, golden: Golden) -> None:
    parts = []
    for name, operation in OPERATIONS.items():
        parts.append(f"-- {name}")
        found = statements(operation, engine)
        if isinstance(found, Refusal):
            parts += [f"-- refused: {found.reason}", f"-- way out: {found.way_out}", ""]
            continue
        for phase, rendered in found.items():
            for item in rendered:
                before, after = item.around
                told = [*([before] if before else []), item.sql, *([after] if after else [])]
                if ("TRIGGER" in item.sql and "CREATE" in item.sql) or "CREATE OR REPLACE" in item.sql:
                    told = [f"{item.sql.splitlines()[0]} …"]  # tests/golden/bridges has them
                parts.append(f"-- {phase}, locks: {item.lock}")
                parts += [f"{sql};" for sql in told]
        parts.append("")
    golden(f"{engine}.sql", "\n".join(parts))
