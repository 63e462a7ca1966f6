"""Which identity driver has which domain, as Keystone's configuration and ``domain_config`` say it.

Keystone's own rules (``identity/core.py``, ``DomainConfigs``): a domain with a configuration of its own, in a
file or in the database, has the driver named there, SQL if none is; every other domain has
``[identity] driver``, which is asked for the default domain alone unless it knows domains, as SQL does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.kinds.hashing import Hashing
from keystone_viaduct.sync.external import SQL, ExternalDrivers
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part

_HEAD, _TAIL = "keystone.", ".conf"
#: With Keystone's defaults; for what reads its configuration without importing it.
IDENTITY_OPTIONS: tuple[tuple[str, cfg.Opt], ...] = (
    ("identity", cfg.StrOpt("driver", default=SQL)),
    ("identity", cfg.StrOpt("default_domain_id", default="default")),
    ("identity", cfg.BoolOpt("domain_specific_drivers_enabled", default=False)),
    ("identity", cfg.BoolOpt("domain_configurations_from_database", default=False)),
    ("identity", cfg.StrOpt("password_hash_algorithm", default="bcrypt")),
    ("identity", cfg.IntOpt("password_hash_rounds")),
    ("identity", cfg.IntOpt("scrypt_block_size")),
    ("identity", cfg.IntOpt("scrypt_parallelism")),
    ("identity", cfg.StrOpt("domain_config_dir", default="/etc/keystone/domains")),
    ("identity_mapping", cfg.BoolOpt("backward_compatible_ids", default=True)),
)
_project = sa.table("project", sa.column("id"), sa.column("name"), sa.column("is_domain"))
_config = sa.table(
    "whitelisted_config",
    sa.column("domain_id"),
    sa.column(sa.sql.quoted_name("group", True)),
    sa.column(sa.sql.quoted_name("option", True)),
    sa.column("value", sa.Text),
)
_DOMAINS = sa.select(_project.c.id, _project.c.name).where(
    _project.c.is_domain == sa.true(), _project.c.name.in_(sa.bindparam("p_names", expanding=True))
)
_DRIVERS = sa.select(_config.c.domain_id, _config.c.value).where(
    _config.c.group == "identity", _config.c.option == "driver"
)


@dataclass(frozen=True)
class DriverSettings:
    """The options of ``[identity]``; ``by_name``: the drivers that files name, by the domains' names."""

    driver: str = SQL
    default_domain: str = "default"
    backward_compatible: bool = True
    from_database: bool = False
    by_name: Mapping[str, str] = field(default_factory=dict)
    hashing: Hashing = field(default_factory=Hashing)

    @classmethod
    def of(cls, conf: Any) -> DriverSettings:
        """From Keystone's configuration, with the files of its domains. Raises ConfigError."""
        identity = conf.identity
        from_database, by_name = False, {}
        if identity.domain_specific_drivers_enabled:
            from_database = identity.domain_configurations_from_database
            by_name = {} if from_database else dict(_files(identity.domain_config_dir))
        compatible = conf.identity_mapping.backward_compatible_ids
        hashing = _hashing(identity)
        return cls(identity.driver, identity.default_domain_id, compatible, from_database, by_name, hashing)

    def read(self, connection: Any) -> ExternalDrivers:
        """What this means for the domains that there are."""
        names = {}
        if is_external(self.driver):
            names[self.default_domain] = self.driver
        names.update(self._specific(connection))
        unmapped = self.default_domain if is_external(self.driver) and self.backward_compatible else ""
        return ExternalDrivers({d: name for d, name in names.items() if is_external(name)}, unmapped)

    def _specific(self, connection: Any) -> Iterator[tuple[str, str]]:
        if self.by_name:
            rows = connection.execute(_DOMAINS, {"p_names": sorted(self.by_name)})
            yield from ((row.id, self.by_name[row.name]) for row in rows if row.name in self.by_name)
        if self.from_database:
            for domain, value in connection.execute(_DRIVERS):
                yield domain, str(json.loads(value))


def is_external(driver: str) -> bool:
    """Whether this driver keeps its users elsewhere than in Keystone's tables; SQL is named in two ways."""
    return driver not in (SQL, "keystone.identity.backends.sql.Identity")


def _files(folder: str) -> Iterator[tuple[str, str]]:
    """Domain name and driver of each ``keystone.<name>.conf`` below the folder."""
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            if name.startswith(_HEAD) and name.endswith(_TAIL) and name.count(".") >= 2:
                yield name[len(_HEAD) : -len(_TAIL)], _driver_in(os.path.join(place, name))


def _driver_in(path: str) -> str:
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.StrOpt("driver", default=SQL), group="identity")
    try:
        conf(args=[], project="keystone", default_config_files=[path], default_config_dirs=[])
    except (cfg.Error, OSError) as error:
        raise ConfigError(
            f"the configuration of a domain can't be read: {error}", hint=f"look at {path}"
        ) from error
    return str(conf.identity.driver)


def _hashing(identity: Any) -> Hashing:
    """Keystone's defaults, or more where this site is set to more."""
    default, rounds = Hashing(), identity.password_hash_rounds or 0
    blocks = (identity.scrypt_block_size or 8) * (identity.scrypt_parallelism or 1)
    scheme = identity.password_hash_algorithm
    return Hashing(
        max(default.bcrypt, rounds if scheme.startswith("bcrypt") else 0),
        max(default.scrypt, rounds if scheme == "scrypt" else 0),
        max(default.scrypt_blocks, blocks if scheme == "scrypt" else 0),
        max(default.pbkdf2, rounds if scheme == "pbkdf2_sha512" else 0),
    )


class DriversPart(Part):
    """The configuration as one transaction sees it."""

    #: Of the store; SQL alone where nobody says anything else.
    drivers: DriverSettings = DriverSettings()
    _external: ExternalDrivers | None = None

    def external_drivers(self) -> ExternalDrivers:
        """Which domains have an identity driver other than SQL, read once in a transaction."""
        if self._external is None:
            self._external = self.drivers.read(self.connection)
        return self._external

    def hashing(self) -> Hashing:
        """The most that this site may be made to pay for comparing a password."""
        return self.drivers.hashing

    def count_external(self) -> int:
        """How many records say of an owner that it has no row."""
        return int(self.connection.execute(q.COUNT_EXTERNAL).scalar() or 0)
