"""The options of the ``[viaduct]`` group."""

from __future__ import annotations

from dataclasses import fields

from oslo_config import cfg

from keystone_viaduct import config


def test_registering_twice_is_harmless_and_the_defaults_are_those_of_the_settings() -> None:
    conf = cfg.ConfigOpts()
    config.register(conf)
    config.register(conf)
    conf([])
    assert config.driver_settings(conf) == config.DriverSettings()
    assert config.sql_settings(conf) == config.SqlSettings()


def test_each_option_is_a_setting_and_has_a_help_text() -> None:
    options = [option for _group, listed in config.list_opts() for option in listed]
    named = {option.dest for option in options}
    for settings in (config.DriverSettings, config.SqlSettings):
        assert {field.name for field in fields(settings)} <= named
    assert all(option.help and len(option.help) > 40 for option in options)
