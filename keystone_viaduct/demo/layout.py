"""What lies in a site's folder, and the text of its configuration files.

::

    <site>/keystone.conf      the site's configuration
           keystone.db        its database, unless another URL is given
           fernet/ receipts/ credentials/   its key repositories, mode 0700
           gunicorn.conf.py   how it is served
           keystone.log setup.log keystone.pid
"""

from __future__ import annotations

import configparser
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Options = Mapping[str, Mapping[str, str]]

_GUNICORN = """\
import os
import signal
import threading

wsgi_app = {wsgi!r}
bind = ["127.0.0.1:{port}"]
workers = {workers}
threads = {threads}
worker_class = "gthread"
timeout = 120
graceful_timeout = 5
keepalive = 30
backlog = 512
pidfile = {pidfile!r}
control_socket_disable = True
proc_name = {name!r}


def on_starting(server):
    \"\"\"End when the process that started us has ended, however it ended.\"\"\"
    leash = os.environ.get("VIADUCT_LEASH_FD")
    if leash:
        threading.Thread(target=_follow, args=(int(leash), os.getpid()), daemon=True).start()


def _follow(leash, pid):
    os.read(leash, 1)
    os.kill(pid, signal.SIGTERM)
"""


@dataclass(frozen=True)
class Layout:
    """The paths of one site's folder."""

    folder: Path

    @property
    def config(self) -> Path:
        """``keystone.conf``."""
        return self.folder / "keystone.conf"

    @property
    def gunicorn(self) -> Path:
        """``gunicorn.conf.py``."""
        return self.folder / "gunicorn.conf.py"

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.folder / "keystone.log"

    @property
    def setup_log(self) -> Path:
        """What db_sync, key setup and bootstrap wrote."""
        return self.folder / "setup.log"

    @property
    def pid(self) -> Path:
        """Pid of gunicorn's master while it runs."""
        return self.folder / "keystone.pid"

    @property
    def credential_keys(self) -> Path:
        """The credential key repository."""
        return self.folder / "credentials"

    @property
    def fernet_keys(self) -> Path:
        """The token key repository."""
        return self.folder / "fernet"

    @property
    def receipt_keys(self) -> Path:
        """The key repository of receipts (a login that needs another factor)."""
        return self.folder / "receipts"

    @property
    def token_keys(self) -> tuple[Path, Path]:
        """The repositories that all sites of a fleet share: tokens, receipts."""
        return self.fernet_keys, self.receipt_keys

    @property
    def sqlite_url(self) -> str:
        """URL of the embedded database."""
        return f"sqlite:///{self.folder / 'keystone.db'}"


def keystone_conf(layout: Layout, database_url: str, extra: Options) -> str:
    """The site's ``keystone.conf``; options in ``extra`` (section, name, value) win over those set here."""
    sections: dict[str, dict[str, str]] = {
        "DEFAULT": {"use_stderr": "true", "debug": "false"},
        "database": {"connection": database_url},
        "identity": {"password_hash_rounds": "4"},
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": str(layout.fernet_keys)},
        "fernet_receipts": {"key_repository": str(layout.receipt_keys)},
        "credential": {"key_repository": str(layout.credential_keys)},
        "auth": {"methods": "external,password,token,oauth1,mapped,application_credential,totp,openid"},
        "trust": {"allow_redelegation": "true"},
    }
    for section, options in extra.items():
        sections.setdefault(section, {}).update(options)
    parser = configparser.RawConfigParser(default_section="\0")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_dict(sections)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def gunicorn_conf(layout: Layout, *, name: str, wsgi: str, port: int, workers: int, threads: int) -> str:
    """The site's ``gunicorn.conf.py``."""
    return _GUNICORN.format(
        name=f"keystone-{name}",
        wsgi=wsgi,
        port=port,
        workers=workers,
        threads=threads,
        pidfile=str(layout.pid),
    )
