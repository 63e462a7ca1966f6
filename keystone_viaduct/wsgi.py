"""The door into Keystone: ``keystone_viaduct.wsgi:application`` instead of ``keystone.wsgi.api:application``.

Upstream's application, unmodified, with the engine's hooks, the wrapped drivers, the request memo, and the
synchronisation API among its own.
"""

from __future__ import annotations

import gc
import sys
from functools import partial
from pathlib import Path
from typing import Any

from keystone_viaduct import config, counting, drivers, sql
from keystone_viaduct.drivers.chosen import without_sql
from keystone_viaduct.drivers.threads import keep_tokens_apart
from keystone_viaduct.sync import api, capture
from keystone_viaduct.upgrade import presence, standing


def _load_policies() -> None:
    """Load the policy rules before the first request.

    Keystone does it during its first request, and another thread that enforces a rule meanwhile finds none
    and answers 403: ``keystone/common/rbac_enforcer/enforcer.py`` shows its enforcer before it registers
    the rules.
    """
    from keystone.common.rbac_enforcer import enforcer

    rules = enforcer.RBACEnforcer()._enforcer
    rules.suppress_deprecation_warnings = True  # as Keystone has it while it serves
    rules.load_rules()


def _upgrades(conf: Any) -> list[dict[str, object]]:
    """How far the upgrades of the schema are; none where no SQL is used."""
    return [] if without_sql(conf) else standing.standing(conf.database.connection)


def build() -> Any:
    """Build the WSGI application from the configuration that ``OS_KEYSTONE_CONFIG_DIR`` and its kin name."""
    api.make_room()
    del sys.argv[1:]  # Keystone parses them as its own; under gunicorn they are gunicorn's
    import keystone.conf
    from keystone.server import wsgi

    conf = keystone.conf.CONF
    sql.install(conf)
    capture.hook(lambda: config.capture_setting(conf))
    drivers.install(conf)
    api.install(conf, after_write=drivers.forget, upgrades=partial(_upgrades, conf))
    keep_tokens_apart()
    application = wsgi.initialize_public_application()
    _load_policies()
    settings = config.driver_settings(conf)
    if settings.retry:
        # oslo.db would hold the first requests for 100 s while the database cannot be reached
        conf.set_default("max_retries", 0, group="database")
    if settings.counters_folder is not None:
        counting.keep_in(Path(settings.counters_folder))
    served = api.around(drivers.around(application, settings), conf)
    if not without_sql(conf):
        served = presence.around(served, conf.database.connection)
    # What was loaded stays for good: without this every large page has the collector walk through all of it.
    gc.collect()
    gc.freeze()
    return served


application = build()
