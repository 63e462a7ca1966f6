"""The configuration of one node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NETWORK = "10.77.0."
PROVIDERS = (
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
    "/usr/lib64/galera/libgalera_smm.so",
)
"""Where Debian and others put the replication library."""

TYPICAL: Mapping[str, str] = {}
"""Galera's own times: a site that is cut off stops the others for 5 to 6 seconds."""

QUICK: Mapping[str, str] = {
    "evs.keepalive_period": "PT0.4S",
    "evs.inactive_check_period": "PT0.4S",
    "evs.suspect_timeout": "PT1.6S",
    "evs.inactive_timeout": "PT4S",
    "evs.install_timeout": "PT4S",
}
"""A site that is silent for 1.6 seconds is suspected: for networks that never pause so long."""


def address(site: int) -> str:
    """IPv4 address of a site (from 1) in the cluster's own world."""
    return f"{NETWORK}{site}"


def socket_of(folder: Path, site: int) -> Path:
    """The Unix socket of a site's server."""
    return folder / str(site) / "s"


def configuration(folder: Path, site: int, sites: int, account: str, provider: Mapping[str, str]) -> str:
    """The server's ``my.cnf``; nothing of the machine's own configuration is read."""
    own = folder / str(site)
    here = address(site)
    options = {
        "gcache.size": "32M",
        "gmcast.listen_addr": f"tcp://{here}:4567",
        "ist.recv_addr": f"{here}:4568",
        **provider,
    }
    settings = {
        "datadir": own / "data",
        "socket": socket_of(folder, site),
        "pid-file": own / "pid",
        "tmpdir": own / "tmp",
        "user": account,
        "bind-address": here,
        "skip-name-resolve": "ON",
        "character-set-server": "utf8mb4",
        "collation-server": "utf8mb4_general_ci",
        "default-storage-engine": "InnoDB",
        "max-connections": 200,
        "max-allowed-packet": "64M",
        "performance-schema": "OFF",
        "binlog-format": "ROW",
        "innodb-autoinc-lock-mode": 2,
        "innodb-buffer-pool-size": "64M",
        "innodb-log-file-size": "48M",
        "innodb-flush-log-at-trx-commit": 2,
        "innodb-flush-method": "nosync",
        "innodb-doublewrite": 0,
        "wsrep-on": "ON",
        "wsrep-provider": next((place for place in PROVIDERS if Path(place).exists()), PROVIDERS[0]),
        "wsrep-provider-options": ";".join(f"{name}={value}" for name, value in options.items()),
        "wsrep-cluster-name": "viaduct",
        "wsrep-cluster-address": "gcomm://" + ",".join(address(number) for number in range(1, sites + 1)),
        "wsrep-node-name": f"site{site}",
        "wsrep-node-address": here,
        "wsrep-sst-method": "rsync",
        "wsrep-slave-threads": 2,
    }
    lines = [f'{name} = "{value}"' for name, value in settings.items()]
    return "\n".join(["[mysqld]", *lines, ""])
