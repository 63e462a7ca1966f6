"""Which of upstream's test modules make a suite, by path below ``keystone/tests``."""

from __future__ import annotations

from pathlib import Path

import keystone.tests

ROOT = Path(keystone.tests.__file__).resolve().parent

DRIVERS = (
    "unit/test_backend_sql.py",
    "unit/test_backend_federation_sql.py",
    "unit/test_backend_endpoint_policy_sql.py",
    "unit/test_backend_id_mapping_sql.py",
    "unit/test_revoke.py",
    "unit/test_shadow_users.py",
    "unit/test_user_group_cache_invalidation*.py",
    "unit/application_credential/**/test_*.py",
    "unit/assignment/**/test_*.py",
    "unit/catalog/**/test_*.py",
    "unit/credential/**/test_*.py",
    "unit/endpoint_policy/**/test_*.py",
    "unit/federation/test_core.py",
    "unit/identity/test_core.py",
    "unit/identity/test_backend_sql.py",
    "unit/identity/backends/test_sql.py",
    "unit/limit/**/test_*.py",
    "unit/policy/**/test_*.py",
    "unit/resource/**/test_*.py",
    "unit/trust/**/test_*.py",
)
V3 = (
    "unit/test_v3*.py",
    "unit/test_limits.py",
    "unit/test_associate_project_endpoint_extension.py",
    "unit/test_contrib_*.py",
)
# They take longest and are begun first.
LONGEST = (
    "unit/test_v3_auth.py",
    "unit/test_v3_assignment.py",
    "unit/test_backend_sql.py",
    "unit/test_v3_federation.py",
    "unit/test_v3_identity.py",
    "unit/test_v3_application_credential.py",
    "unit/test_v3_resource.py",
)
# What a run of all tests has time for.
SHARE = (
    "unit/resource/config_backends/test_sql.py",
    "unit/test_backend_id_mapping_sql.py",
    "unit/policy/backends/test_sql.py",
    "unit/test_v3_endpoint_policy.py",
)

# What is quick of the drivers' tests, for those of Cassandra.
CASSANDRA = (
    "unit/assignment/role_backends/test_sql.py",
    "unit/resource/backends/test_sql.py",
    "unit/identity/backends/test_sql.py",
    "unit/policy/backends/test_sql.py",
    "unit/resource/config_backends/test_sql.py",
    "unit/test_backend_id_mapping_sql.py",
    "unit/test_backend_federation_sql.py",
    "unit/test_backend_endpoint_policy_sql.py",
    "unit/endpoint_policy/backends/test_sql.py",
    "unit/application_credential/backends/test_sql.py",
    "unit/catalog/test_core.py",
    "unit/test_revoke.py",
)

# The same on a real node, in every run of the tests.
CASSANDRA_SHARE = (*SHARE, "unit/assignment/role_backends/test_sql.py", "unit/resource/backends/test_sql.py")

BATCH = 5
"""Modules per process: starting one costs several seconds of imports."""

SUITES = {
    "drivers": DRIVERS,
    "v3": V3,
    "all": DRIVERS + V3,
    "share": SHARE,
    "cassandra": CASSANDRA,
    "cassandra-share": CASSANDRA_SHARE,
}
TOGETHER = ("share", "cassandra", "cassandra-share")
"""Suites that one process runs."""


def modules(suite: str) -> set[str]:
    """The modules of a suite."""
    return {str(path.relative_to(ROOT)) for pattern in SUITES[suite] for path in ROOT.glob(pattern)}


def batches(suite: str) -> list[list[str]]:
    """The modules of a suite in the portions that one process runs: the longest first and alone."""
    found = modules(suite)
    if suite in TOGETHER:
        return [sorted(found)]
    rest = sorted(found - set(LONGEST))
    alone = [[name] for name in LONGEST if name in found]
    return alone + [rest[start : start + BATCH] for start in range(0, len(rest), BATCH)]
