"""Which Keystones need an SQL database, by the drivers that are chosen."""

from __future__ import annotations

import pytest
from oslo_config import cfg

from keystone_viaduct.drivers import chosen, methods


def conf(**drivers: str) -> cfg.ConfigOpts:
    """A configuration with all drivers in Cassandra but these."""
    made = cfg.ConfigOpts()
    for group in chosen.GROUPS:
        made.register_opt(cfg.StrOpt("driver", default=drivers.get(group, chosen.CASSANDRA)), group=group)
    made([])
    return made


@pytest.mark.parametrize(
    ("drivers", "without"),
    [
        ({}, True),
        ({"identity": "ldap"}, True),
        ({"trust": "sql"}, False),
        ({"policy": "somebody's own"}, False),
        (dict.fromkeys(chosen.GROUPS, "sql"), False),
    ],
)
def test_sql_is_left_out_only_where_no_driver_can_need_it(drivers: dict[str, str], without: bool) -> None:
    assert chosen.without_sql(conf(**drivers)) is without


def test_roles_are_where_assignments_are_if_nothing_else_is_said() -> None:
    made = conf()
    made.set_override("driver", None, group="role")
    assert chosen.without_sql(made)
    made.set_override("driver", "sql", group="assignment")
    assert chosen.chosen(made)["role"] == "sql"
    assert chosen.any_in_cassandra(made)


def test_the_groups_are_all_whose_driver_is_sql_unless_somebody_says_otherwise() -> None:
    keystone = pytest.importorskip("keystone.conf")
    keystone.configure()
    stock = {name for name in keystone.CONF if _driver(keystone.CONF, name) == "sql"}
    # nobody loads endpoint_filter; that of roles is asked of the assignment driver
    assert (stock - {"endpoint_filter"}) | {"role"} == set(chosen.GROUPS)
    assert len(chosen.GROUPS) == len(methods.NAMESPACES)


def _driver(conf: cfg.ConfigOpts, name: str) -> str | None:
    option = conf._get_group(name)._opts.get("driver") if name in conf._groups else None
    return None if option is None else str(option["opt"].default)
