"""Which domains have an external driver is read from Keystone's configuration, its files and its tables."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.store.drivers import IDENTITY_OPTIONS, DriverSettings

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")


def settings(folder: Path, text: str) -> DriverSettings:
    """Of a keystone.conf with this text."""
    (folder / "keystone.conf").write_text(text)
    conf = cfg.ConfigOpts()
    for group, option in IDENTITY_OPTIONS:
        conf.register_opt(option, group=group)
    conf(args=[], default_config_files=[str(folder / "keystone.conf")], default_config_dirs=[])
    return DriverSettings.of(conf)


def read(url: str, given: DriverSettings) -> ExternalDrivers:
    """What they mean for that database."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return given.read(connection)


def domain(url: str, key: str, name: str, driver: str = "") -> None:
    """A domain, perhaps with a driver of its own in the database."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    tables = sa.MetaData()
    tables.reflect(engine, only=["project", "whitelisted_config"])
    root = "<<keystone.domain.root>>"
    with engine.begin() as connection:
        connection.execute(
            tables.tables["project"].insert(),
            {"id": key, "name": name, "domain_id": root, "is_domain": True, "enabled": True, "extra": "{}"},
        )
        if driver:
            connection.execute(
                tables.tables["whitelisted_config"].insert(),
                {"domain_id": key, "group": "identity", "option": "driver", "value": f'"{driver}"'},
            )


def test_without_a_word_every_domain_is_sql_s(tmp_path: Path, keystone_url: str) -> None:
    domain(keystone_url, "default", "Default", "ldap")
    assert read(keystone_url, settings(tmp_path, "")) == ExternalDrivers()


def test_the_default_driver_has_the_default_domain(tmp_path: Path, keystone_url: str) -> None:
    """With ids of its own, unless they are mapped."""
    own = settings(tmp_path, "[identity]\ndriver = ldap\ndefault_domain_id = home\n")
    assert read(keystone_url, own) == ExternalDrivers({"home": "ldap"}, "home")
    text = "[identity]\ndriver = ldap\n[identity_mapping]\nbackward_compatible_ids = false\n"
    found = read(keystone_url, settings(tmp_path, text))
    assert found == ExternalDrivers({"default": "ldap"}) and found.mapped == ("default",)


def test_files_name_drivers_of_domains(tmp_path: Path, keystone_url: str) -> None:
    domain(keystone_url, "d1", "Corp.Example")
    domain(keystone_url, "d2", "plain")
    folder = tmp_path / "domains" / "below"
    folder.mkdir(parents=True)
    (folder / "keystone.Corp.Example.conf").write_text("[identity]\ndriver = ldap\n[ldap]\nurl = ldap://x\n")
    (folder / "keystone.plain.conf").write_text("[ldap]\nurl = ldap://x\n")
    (folder / "keystone.gone.conf").write_text("[identity]\ndriver = ldap\n")
    (folder / "keystone.conf").write_text("[identity]\ndriver = ldap\n")
    text = f"[identity]\ndomain_specific_drivers_enabled = true\ndomain_config_dir = {tmp_path}/domains\n"
    assert read(keystone_url, settings(tmp_path, text)) == ExternalDrivers({"d1": "ldap"})
    (folder / "keystone.plain.conf").write_text("no section\n")
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, text)
    assert "keystone.plain.conf" in str(raised.value.hint)


def test_the_database_names_drivers_of_domains(tmp_path: Path, keystone_url: str) -> None:
    """The default domain's own configuration counts before ``[identity] driver``."""
    domain(keystone_url, "d1", "corp", "ldap")
    domain(keystone_url, "default", "Default", "sql")
    text = (
        "[identity]\ndriver = ldap\ndomain_specific_drivers_enabled = true\n"
        "domain_configurations_from_database = true\n"
    )
    found = read(keystone_url, settings(tmp_path, text))
    assert (found.names, found.mapped) == ({"d1": "ldap"}, ("d1",))
