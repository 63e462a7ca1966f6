"""The configuration of one node, and the command that runs it in the foreground."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

FILES = Path(__file__).with_name("files")
JAVA = 17


@dataclass(frozen=True)
class Node:
    """One node: where it lies, where it listens, in which data centre and rack it is.

    ``slow``: milliseconds that a coordinator waits for replicas; ``token``: its place in the ring, to be
    given where several nodes start at once. ``fast_schema`` makes changes of the schema quick, and forgets
    them when the node is killed: not for tests that kill it.
    """

    folder: Path
    address: str
    seeds: tuple[str, ...]
    datacenter: str = "dc1"
    rack: str = "r1"
    heap: str = "256m"
    slow: int = 4000
    token: int | None = None
    fast_schema: bool = False

    def prepare(self) -> None:
        """Write the files that it reads."""
        for name in ("conf", "tmp"):
            (self.folder / name).mkdir(parents=True)
        settings = (FILES / "cassandra.yaml").read_text()
        values = {
            "IP": self.address,
            "D": str(self.folder),
            "SEEDS": ",".join(self.seeds),
            "SLOW": str(self.slow),
        }
        for name, value in values.items():
            settings = settings.replace(f"@{name}@", value)
        if self.token is not None:
            settings += f"initial_token: '{self.token}'\n"
        (self.folder / "conf" / "cassandra.yaml").write_text(settings)
        place = f"dc={self.datacenter}\nrack={self.rack}\n"
        (self.folder / "conf" / "cassandra-rackdc.properties").write_text(place)

    def command(self, jars: Path, java: str) -> list[str]:
        """What runs it, until it is signalled."""
        conf = self.folder / "conf"
        properties = {
            "java.net.preferIPv4Stack": "true",
            "java.io.tmpdir": self.folder / "tmp",
            "jna.tmpdir": self.folder / "tmp",
            "java.awt.headless": "true",
            "cassandra.config": f"file://{conf / 'cassandra.yaml'}",
            "cassandra-rackdc.properties": f"file://{conf / 'cassandra-rackdc.properties'}",
            "logback.configurationFile": f"file://{FILES / 'logback.xml'}",
            "cassandra.logdir": self.folder,
            "cassandra.storagedir": self.folder / "data",
            "cassandra-foreground": "yes",
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "cassandra.ring_delay_ms": 1000,
            "cassandra.superuser_setup_delay_ms": 0,
            "cassandra.consistent.rangemovement": "false",
            "cassandra.load_ring_state": "false",
        }
        if self.fast_schema:
            properties["cassandra.unsafesystem"] = "true"
        opened = [line for line in (FILES / "jpms.options").read_text().split() if not line.startswith("#")]
        return [
            java,
            *("-Xms64m", f"-Xmx{self.heap}", "-XX:MaxDirectMemorySize=128m", "-XX:+UseSerialGC", "-Xss512k"),
            *("-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"),
            *opened,
            *(f"-D{name}={value}" for name, value in properties.items()),
            "-cp",
            ":".join(str(jar) for jar in sorted(jars.glob("*.jar"))),
            "org.apache.cassandra.service.CassandraDaemon",
        ]


def missing(jars: Path) -> str | None:
    """What is wanted before a node can run here; None when nothing is."""
    if shutil.which("java") is None:
        return f"java is not installed (Debian: apt-get install openjdk-{JAVA}-jre-headless)"
    if not any(jars.glob("cassandra-all-*.jar")):
        return "Cassandra's jars are not here: `make cassandra`, with Debian's maven"
    return None
