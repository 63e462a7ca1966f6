"""The dashboard in a thread of the agent's process."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import uvicorn

from keystone_viaduct.dashboard.access import Sessions
from keystone_viaduct.dashboard.keystone import Address, Door, People
from keystone_viaduct.dashboard.observing import Observer
from keystone_viaduct.dashboard.roads import Roads
from keystone_viaduct.dashboard.surveys import Surveys
from keystone_viaduct.dashboard.watch import Watch
from keystone_viaduct.dashboard.web.app import application
from keystone_viaduct.dashboard.web.services import Services
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.agent.agent import Agent, open_site
from keystone_viaduct.sync.agent.dashboard import DashboardSettings
from keystone_viaduct.sync.agent.topology import Topology
from keystone_viaduct.sync.client import HttpSite

LOG = logging.getLogger(__name__)
#: Seconds that a site gets for an answer to the dashboard; connections at once.
CONNECT, ANSWER, TOTAL, CONNECTIONS = 4.0, 10.0, 15.0, 500


class Dashboard:
    """``present`` gives the agent that is there now."""

    def __init__(self, topology: Topology, present: Callable[[], Agent], settings: DashboardSettings) -> None:
        times = replace(topology.agent, connect_timeout=CONNECT, timeout=ANSWER, total_timeout=TOTAL)
        asked = replace(topology, agent=times)
        self._sites = {name: open_site(asked, name) for name in topology.sites}

        def hub() -> str:
            return present().hub.name

        self.watch = Watch(self._sites, hub, lambda: present().lease.holding)
        self.services = services_of(
            settings, Observer(present, self.watch), self.watch, _addresses(self._sites), hub
        )
        self._server = Server(self.services)

    @property
    def url(self) -> str:
        """Where browsers find it."""
        return self._server.url

    def start(self) -> None:
        """Begin to ask the sites, and to serve."""
        self.watch.start()
        self._server.start()

    def stop(self) -> None:
        """End both."""
        self._server.stop()
        self.watch.stop()
        for site in self._sites.values():
            site.close()
        if self.services.roads is not None:
            self.services.roads.close()


def services_of(
    settings: DashboardSettings,
    observer: Observer,
    watch: Watch,
    addresses: Mapping[str, Address],
    hub: Callable[[], str],
) -> Services:
    """The parts of a dashboard over a fleet that is there."""
    people = People(addresses, hub)
    return Services(
        settings,
        observer,
        watch,
        Door(lambda: addresses[hub()]),
        people,
        Surveys(people.ask_all, time.time),
        Sessions(time.time),
        time.time,
        Roads(settings.roads) if settings.roads is not None else None,
    )


def _addresses(sites: Mapping[str, HttpSite]) -> dict[str, Address]:
    return {name: Address(name, site.url, site.verify) for name, site in sites.items()}


class Server:
    """Listens from the beginning, so that a port that is taken is known at once. Raises ConfigError."""

    def __init__(self, services: Services) -> None:
        self._services = services
        settings = services.settings
        self._socket = listening(settings.listen)
        self._tls = settings.certificate is not None
        config = uvicorn.Config(
            application(services),
            access_log=False,
            log_config=None,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=2,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="dashboard", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._socket.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        return f"{'https' if self._tls else 'http'}://{name}:{port}/"

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """End; pages that are open are let go."""
        self._services.stopping.set()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(patience)
        self._socket.close()


def listening(address: tuple[str, int]) -> socket.socket:
    """A socket that listens there. Raises ConfigError."""
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise ConfigError(
            f"the dashboard can't listen on {host}:{port}: {error.strerror}",
            hint="set agent.dashboard in viaduct.yaml, or stop who has the port",
        ) from error
    return made
