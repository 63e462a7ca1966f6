"""What upstream's own tests need beside Keystone."""

from __future__ import annotations

import importlib.util

from tests.support.servers import unavailable


def need_ldap() -> None:
    """Skip, visibly, where python-ldap is missing: every one of upstream's test modules imports it."""
    if importlib.util.find_spec("ldap") is None:
        unavailable(
            "python-ldap is not installed",
            "make test builds it with Debian's gcc, python3-dev, libldap2-dev and libsasl2-dev",
        )
