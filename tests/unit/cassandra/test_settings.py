"""What an operator sets, and what is said when it makes no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from keystone_viaduct.cassandra import topology
from keystone_viaduct.cassandra.settings import Settings, settings
from keystone_viaduct.errors import ConfigError, SchemaMissing


def test_the_blueprints_option_and_ours_are_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keystone.conf"
    path.write_text(
        "[database]\ncassandra_node_ips = 10.0.0.1, 10.0.0.2\n"
        "[cassandra]\nlocal_datacenter = dc2\nport = 9142\n"
    )
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(path)], project="keystone")
    chosen = settings(conf)
    assert chosen.nodes == ("10.0.0.1", "10.0.0.2")
    assert (chosen.local_datacenter, chosen.port, chosen.keyspace) == ("dc2", 9142, "keystone")
    assert chosen.tls() is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"nodes": ()}, "cassandra_node_ips"),
        ({"keyspace": "k; DROP"}, "keyspace"),
        ({"keyspace": "Big"}, "keyspace"),
        ({"username": "u"}, "password"),
        ({"tls_cert_file": "c", "tls_ca_file": "a"}, "tls_key_file"),
        ({"tls_cert_file": "c", "tls_key_file": "k"}, "tls_ca_file"),
    ],
)
def test_settings_that_make_no_sense_are_refused_and_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings(**{"nodes": ("10.0.0.1",), **wrong})
    assert named in str(refused.value)


def test_certificates_that_are_not_there_or_no_certificates_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Settings(nodes=("10.0.0.1",), tls_ca_file=str(tmp_path / "none")).tls()
    (tmp_path / "ca").write_text("nonsense")
    with pytest.raises(ConfigError, match="of no use"):
        Settings(nodes=("10.0.0.1",), tls_ca_file=str(tmp_path / "ca")).tls()


def test_the_data_centre_may_be_left_out_where_there_is_one() -> None:
    assert topology.local(["dc1", "dc1"], None) == "dc1"
    assert topology.local(["dc1", "dc2"], "dc2") == "dc2"
    with pytest.raises(ConfigError, match="dc1, dc2"):
        topology.local(["dc1", "dc2"], None)


def test_names_are_decided_by_all_data_centres_as_soon_as_two_hold_the_keyspace() -> None:
    assert topology.serial({"dc1": 3}) == "LOCAL_SERIAL"
    assert topology.serial({"dc1": 3, "dc2": 1}) == "SERIAL"
    assert topology.Levels("SERIAL").write == "QUORUM"
    assert topology.Levels("LOCAL_SERIAL").write == "LOCAL_QUORUM"


def test_replicas_are_those_of_a_strategy_that_knows_data_centres() -> None:
    strategy = "org.apache.cassandra.locator.NetworkTopologyStrategy"
    assert topology.replicas({"class": strategy, "dc1": "3", "dc2": "0"}, "k") == {"dc1": 3}
    with pytest.raises(ConfigError, match="SimpleStrategy"):
        topology.replicas({"class": "SimpleStrategy", "replication_factor": "3"}, "k")


def test_a_keystone_works_only_where_there_are_replicas_and_the_level_is_theirs() -> None:
    topology.check({"dc1": 3}, "LOCAL_SERIAL", "dc1", "k")
    with pytest.raises(ConfigError, match="no replica in data centre dc2"):
        topology.check({"dc1": 3}, "LOCAL_SERIAL", "dc2", "k")
    with pytest.raises(ConfigError, match="two owners"):
        topology.check({"dc1": 3, "dc2": 3}, "LOCAL_SERIAL", "dc1", "k")
    with pytest.raises(SchemaMissing):
        topology.check({"dc1": 3}, None, "dc1", "k")
