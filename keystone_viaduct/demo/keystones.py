"""Real Keystones of the installed package: a folder, database, key set and bootstrap for each site.

Each site is bootstrapped for itself, so that its ids are its own (the default domain's apart), as in
regions that grew apart. Nothing runs on after us: see :mod:`keystone_viaduct.demo.leash`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import keystone_viaduct
from keystone_viaduct.demo.layout import Layout, Options, gunicorn_conf, keystone_conf
from keystone_viaduct.demo.leash import Leashed, Port, tail
from keystone_viaduct.errors import ServerFailed

OUR_WSGI = "keystone_viaduct.wsgi:application"
UPSTREAM_WSGI = "keystone.wsgi.api:application"
ADMIN_PASSWORD = "viaduct-demo"
SETUP_DEADLINE = 180.0
READY_DEADLINE = 180.0
_RETRY = 0.05


@dataclass(frozen=True)
class SiteSpec:
    """How one site is to be: ``name`` is also its region's id.

    ``database_url`` is any SQLAlchemy URL of an empty database (default: an SQLite file in the site's
    folder). ``python`` may be another environment's interpreter, with another release of Keystone.
    ``options`` are added to keystone.conf, ``environment`` to that of its programs.
    """

    name: str
    database_url: str | None = None
    python: Path = Path(sys.executable)
    wsgi: str = OUR_WSGI
    workers: int = 1
    threads: int = 8
    options: Options = field(default_factory=dict)
    admin_password: str = ADMIN_PASSWORD
    environment: Mapping[str, str] = field(default_factory=dict)


class Keystone:
    """One site: its folder, and its server while it runs."""

    def __init__(self, spec: SiteSpec, folder: Path) -> None:
        self.spec = spec
        self.layout = Layout(folder.absolute())
        self.port = Port()
        self._server: Leashed | None = None
        self._setup: Leashed | None = None

    @property
    def name(self) -> str:
        """The site's name."""
        return self.spec.name

    @property
    def url(self) -> str:
        """Where its clients find it, with ``/v3``."""
        return f"http://127.0.0.1:{self.port.number}/v3"

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of its database."""
        return self.spec.database_url or self.layout.sqlite_url

    @cached_property
    def release(self) -> int:
        """Major version of the Keystone that this site runs."""
        asked = "from importlib.metadata import version; print(version('keystone'))"
        return int(self._output(["-c", asked]).split(".")[0])

    @property
    def pid(self) -> int | None:
        """Pid of the server's master process while it runs."""
        return None if self._server is None else self._server.pid

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which this site's programs run (``OS_KEYSTONE_CONFIG_DIR`` and the like)."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "GUNICORN_"))}
        env.update(self.spec.environment)
        env["OS_KEYSTONE_CONFIG_DIR"] = str(self.layout.folder)
        env["PYTHONWARNINGS"] = "ignore"
        root = Path(keystone_viaduct.__file__).parents[1]
        if root.name not in {"site-packages", "dist-packages"}:
            env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), env.get("PYTHONPATH", "")]))
        return env

    def begin_setup(self) -> None:
        """Write the configuration and start the set-up; :meth:`finish_setup` waits for it."""
        folder = self.layout.folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.write_config()
        bootstrap = {
            "password": self.spec.admin_password,
            "region-id": self.name,
            "public-url": self.url,
            "internal-url": self.url,
            "admin-url": self.url,
        }
        options = [part for name, value in bootstrap.items() for part in (f"--bootstrap-{name}", value)]
        module = "keystone_viaduct.demo.provision"
        self._setup = Leashed(
            [str(self.spec.python), "-m", module, str(self.layout.config), *options],
            env=self.environment,
            log=self.layout.setup_log,
            cwd=folder,
        )

    def finish_setup(self, deadline: float = SETUP_DEADLINE) -> None:
        """Wait for the set-up, at most ``deadline`` seconds; raises ServerFailed with the log's end."""
        if self._setup is None:
            return
        try:
            status = self._setup.wait(deadline)
        except subprocess.TimeoutExpired:
            raise self._failed("was not set up in time", self.layout.setup_log, seconds=deadline) from None
        finally:
            self._setup.stop()
            self._setup = None
        if status:
            raise self._failed("could not be set up", self.layout.setup_log, status=status)

    def write_config(self) -> None:
        """Write keystone.conf and gunicorn.conf.py anew, from the specification."""
        spec, layout = self.spec, self.layout
        layout.config.write_text(keystone_conf(layout, self.database_url, spec.options))
        layout.gunicorn.write_text(
            gunicorn_conf(
                layout,
                name=spec.name,
                wsgi=spec.wsgi,
                port=self.port.number,
                workers=spec.workers,
                threads=spec.threads,
            )
        )

    def start(self) -> None:
        """Start the server; :meth:`wait_ready` waits for it."""
        if self._server is not None and self._server.poll() is None:
            return
        self._server = Leashed(
            [str(self.spec.python), "-m", "gunicorn"],
            # not as an argument: Keystone would parse it as its own
            env={**self.environment, "GUNICORN_CMD_ARGS": f"--config={self.layout.gunicorn}"},
            log=self.layout.log,
            cwd=self.layout.folder,
        )

    def wait_ready(self, deadline: float = READY_DEADLINE) -> None:
        """Return when ``GET /v3`` answers; raises ServerFailed (with the log's end) after ``deadline`` s.

        Once the port listens this is one request that waits for the workers, not a loop.
        """
        until = time.monotonic() + deadline
        server = self._server
        while server is not None and (left := until - time.monotonic()) > 0:
            try:
                with urllib.request.urlopen(self.url, timeout=left):
                    return
            except (urllib.error.URLError, OSError):
                try:
                    status = server.wait(_RETRY)
                except subprocess.TimeoutExpired:
                    continue
                raise self._failed("ended while starting", self.layout.log, status=status) from None
        raise self._failed(
            "does not answer" if server else "was not started", self.layout.log, seconds=deadline
        )

    def terminate(self) -> None:
        """Ask the server to end; :meth:`stop` waits for that."""
        if self._server is not None:
            self._server.terminate()

    def stop(self) -> None:
        """End the server (and a set-up under way) in order. May be called at any time, and twice."""
        for attribute in ("_setup", "_server"):
            running: Leashed | None = getattr(self, attribute)
            if running is not None:
                running.stop()
                setattr(self, attribute, None)
        self.layout.pid.unlink(missing_ok=True)

    def kill(self) -> None:
        """Crash the server: all its processes at once, without a chance to clean up."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def run(self, module: str, *arguments: str, stdin: str = "") -> str:
        """Run a Python module in this site's environment and return what it printed; raises ServerFailed."""
        return self._output(["-m", module, *arguments], stdin)

    def _output(self, arguments: Sequence[str], stdin: str = "") -> str:
        done = subprocess.run(
            [str(self.spec.python), *arguments],
            env=self.environment,
            cwd=self.layout.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SETUP_DEADLINE,
            check=False,
        )
        if done.returncode:
            lines = "\n".join(done.stderr.splitlines()[-20:])
            command = " ".join(arguments[:2])
            raise ServerFailed(f"python {command} failed at {self.name}:\n{lines}", site=self.name)
        return done.stdout

    def _failed(self, what: str, log: Path, **fields: object) -> ServerFailed:
        end = tail(log)
        return ServerFailed(
            f"Keystone at {self.name} {what}" + (f"; its log ends:\n{end}" if end else ""),
            hint=f"see {log}",
            site=self.name,
            **fields,
        )


class Keystones:
    """Several sites, set up and started side by side. A context manager that stops them all."""

    def __init__(self, folder: Path, specs: Sequence[SiteSpec]) -> None:
        self.folder = folder
        self.sites = {spec.name: Keystone(spec, folder / spec.name) for spec in specs}

    def __getitem__(self, name: str) -> Keystone:
        return self.sites[name]

    def prepare(self) -> None:
        """Set up all sites at once; raises ServerFailed."""
        for site in self.sites.values():
            site.begin_setup()
        for site in self.sites.values():
            site.finish_setup()

    def start(self) -> None:
        """Start all servers and wait until each answers; raises ServerFailed."""
        for site in self.sites.values():
            site.start()
        for site in self.sites.values():
            site.wait_ready()

    def stop(self) -> None:
        """Stop every server and give the ports back."""
        for site in self.sites.values():
            site.terminate()
        for site in self.sites.values():
            site.stop()
        for site in self.sites.values():
            site.port.release()

    def __enter__(self) -> Self:
        """Prepare and start; what was started is stopped if anything fails."""
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
