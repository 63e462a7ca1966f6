"""The oslo.config options of Cassandra, and their frozen form.

``[database] cassandra_node_ips`` names the nodes first asked, as the blueprint of the distributed back end
has it; everything else is in ``[cassandra]``. The serial level is no option: it is the keyspace's
(``topology``).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg

from keystone_viaduct.errors import ConfigError

GROUP = "cassandra"

NODE_OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        "cassandra_node_ips",
        default=[],
        help="Addresses of some nodes of the Cassandra cluster that Keystone's data is in; the others are "
        "learned from them. Needed where a driver `cassandra` is chosen.",
    ),
]

OPTS: list[cfg.Opt] = [
    cfg.PortOpt("port", default=9042, help="Port of the native protocol, the same at all nodes."),
    cfg.StrOpt("keyspace", default="keystone", help="The keyspace that holds Keystone's tables."),
    cfg.StrOpt(
        "local_datacenter",
        help="The data centre whose nodes this Keystone talks to. May be left out where the cluster has one.",
    ),
    cfg.StrOpt(
        "read_consistency",
        default="LOCAL_QUORUM",
        choices=[
            ("LOCAL_QUORUM", "a majority of the replicas of this data centre"),
            ("QUORUM", "a majority of all replicas"),
        ],
        help="How many replicas a read asks. LOCAL_QUORUM: a majority of this data centre, so that reads go "
        "on when the others are cut off. QUORUM: a majority of all, so that a write acknowledged in one data "
        "centre is seen in the others at once.",
    ),
    cfg.StrOpt("username", help="Account at the cluster; unset: none is asked for."),
    cfg.StrOpt("password", secret=True, help="Its password."),
    cfg.StrOpt("tls_ca_file", help="Certificates that nodes are checked against; set, TLS is spoken."),
    cfg.StrOpt("tls_cert_file", help="Certificate of this client, where nodes ask for one."),
    cfg.StrOpt("tls_key_file", help="The key of that certificate."),
    cfg.BoolOpt(
        "tls_check_hostname",
        default=False,
        help="Whether a node's certificate has to name the address by which it is reached.",
    ),
    cfg.FloatOpt("connect_timeout", default=3.0, min=0.1, help="Seconds to reach a node."),
    cfg.FloatOpt(
        "request_timeout",
        default=3.0,
        min=0.1,
        help="Seconds that one statement may take. Keep it above the time-outs of the nodes' own "
        "configuration, or a statement counts as lost that a node would still have answered.",
    ),
    cfg.FloatOpt(
        "contention_deadline",
        default=10.0,
        min=0.0,
        help="Seconds after which a change is given up on that other changes of the same record kept "
        "overtaking, or whose outcome no majority would tell.",
    ),
    cfg.FloatOpt(
        "speculative_delay",
        default=0.0,
        min=0.0,
        help="Seconds after which a statement that may be repeated is also sent to another node. 0: never.",
    ),
]


@dataclass(frozen=True)
class Settings:
    """How the cluster is reached. Times in seconds."""

    nodes: tuple[str, ...] = ()
    port: int = 9042
    keyspace: str = "keystone"
    local_datacenter: str | None = None
    read_consistency: str = "LOCAL_QUORUM"
    username: str | None = None
    password: str | None = None
    tls_ca_file: str | None = None
    tls_cert_file: str | None = None
    tls_key_file: str | None = None
    tls_check_hostname: bool = False
    connect_timeout: float = 3.0
    request_timeout: float = 3.0
    contention_deadline: float = 10.0
    speculative_delay: float = 0.0

    def __post_init__(self) -> None:
        if not self.nodes:
            raise ConfigError(
                "no node of Cassandra is named",
                hint="set [database] cassandra_node_ips to the addresses of some nodes",
            )
        if not (self.keyspace.isascii() and self.keyspace.isidentifier() and self.keyspace.islower()):
            raise ConfigError(
                f"{self.keyspace!r} is no name for a keyspace",
                hint="[cassandra] keyspace: small letters, digits and underscores, beginning with a letter",
            )
        if (self.username is None) != (self.password is None):
            raise ConfigError(
                "an account at Cassandra needs a password, and a password an account",
                hint="set both of [cassandra] username and password, or neither",
            )
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ConfigError(
                "a client's certificate needs its key, and a key its certificate",
                hint="set both of [cassandra] tls_cert_file and tls_key_file, or neither",
            )
        if self.tls_cert_file is not None and self.tls_ca_file is None:
            raise ConfigError(
                "a client's certificate is of no use without TLS", hint="set [cassandra] tls_ca_file as well"
            )

    def tls(self) -> ssl.SSLContext | None:
        """What connections are made with; None: in the clear."""
        if self.tls_ca_file is None:
            return None
        for name in (self.tls_ca_file, self.tls_cert_file, self.tls_key_file):
            if name is not None and not Path(name).is_file():
                raise ConfigError(f"{name} cannot be read", hint="look at [cassandra] tls_…_file")
        try:
            context = ssl.create_default_context(cafile=self.tls_ca_file)
            context.check_hostname = self.tls_check_hostname
            if self.tls_cert_file is not None:
                context.load_cert_chain(self.tls_cert_file, self.tls_key_file)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(
                f"the certificates of [cassandra] are of no use: {error}",
                hint="look at [cassandra] tls_…_file",
            ) from error
        return context


def register(conf: Any) -> None:
    """Register all options on ``conf`` (an ``oslo_config.cfg.ConfigOpts``); doing it twice is harmless."""
    for group, options in list_opts():
        conf.register_opts(options, group=group)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Entry point ``oslo.config.opts``: what ``oslo-config-generator`` prints."""
    return [("database", NODE_OPTS), (GROUP, OPTS)]


def settings(conf: Any) -> Settings:
    """The options of a parsed ``conf``; raises ConfigError where they make no sense."""
    register(conf)
    chosen = {opt.dest: conf[GROUP][opt.dest] for opt in OPTS}
    return Settings(nodes=tuple(conf.database.cassandra_node_ips), **chosen)
