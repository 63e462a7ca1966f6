"""SQL statements and time of typical requests: stock Keystone against the wrapped drivers, memo off and on.

One command: ``python benchmarks/requests.py``. It makes a Keystone of its own (SQLite in a temporary folder,
or the empty database of ``--url``), then runs the same requests in one process per variant, over WSGI, one
thread; times are of the CPU for SQLite, which runs in the process. Password hashing is left out as far as
that goes: bcrypt with its lowest cost (about 1 ms). ``BEGIN``, ``PRAGMA`` and the like are not counted as
statements.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CACHES = {
    "stock": "",
    "off": "[cache]\nenabled = false\n",
    "memory": "[cache]\nbackend = dogpile.cache.memory\n",
}
WRAPPINGS = ("upstream", "memo off", "memo on")
NOT_COUNTED = ("BEGIN", "PRAGMA", "ROLLBACK", "COMMIT", "SAVEPOINT", "RELEASE", "SET ")
PASSWORD = "benchmark"


def write_site(folder: Path, url: str) -> None:
    """Configuration, keys, schema and first records of a Keystone."""
    (folder / "base.conf").write_text(
        f"[database]\nconnection = {url}\n"
        f"[fernet_tokens]\nkey_repository = {folder}/fernet\n"
        f"[fernet_receipts]\nkey_repository = {folder}/fernet\n"
        f"[credential]\nkey_repository = {folder}/credential\n"
        "[identity]\npassword_hash_algorithm = bcrypt\npassword_hash_rounds = 4\n"
        "[DEFAULT]\nlog_file = keystone.log\n"
        f"log_dir = {folder}\n"
    )
    for name, text in CACHES.items():
        (folder / f"{name}.conf").write_text(text)
    manage = [
        str(Path(sys.executable).with_name("keystone-manage")),
        "--config-file",
        str(folder / "base.conf"),
    ]
    user = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
    (folder / "fernet").mkdir(mode=0o700)
    (folder / "credential").mkdir(mode=0o700)
    for command in (
        ["db_sync"],
        ["fernet_setup", *user],
        ["credential_setup", *user],
        ["bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", "here"]
        + ["--bootstrap-public-url", "http://localhost/v3"],
    ):
        subprocess.run([*manage, *command], check=True, capture_output=True)


class Statements:
    """Counts what goes to the database."""

    def __init__(self) -> None:
        import sqlalchemy as sa

        self.count = 0
        sa.event.listen(sa.engine.Engine, "after_cursor_execute", self._executed)

    def _executed(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.lstrip().upper().startswith(NOT_COUNTED):
            self.count += 1


def load_application(folder: Path, cache: str, wrapping: str) -> Any:
    """Keystone's application of one variant."""
    import keystone.conf
    from keystone.server import wsgi

    sys.argv[1:] = []
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = f"{folder}/base.conf;{folder}/{cache}.conf"
    conf = keystone.conf.CONF
    if wrapping == "upstream":
        return wsgi.initialize_public_application()
    from keystone_viaduct import config, drivers, sql

    config.register(conf)
    conf.set_override("request_memo", wrapping == "memo on", "viaduct")
    drivers.install(conf)
    sql.install(conf)
    return drivers.RequestMemo(wsgi.initialize_public_application(), config.driver_settings(conf))


class Client:
    """Sends requests to the application, with the token of the last login."""

    def __init__(self, application: Any) -> None:
        from werkzeug.test import Client as WsgiClient

        self._client = WsgiClient(application)
        self.token = ""

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response; raises when it is an error."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers.setdefault("X-Auth-Token", self.token)
        response = self._client.open(path, method=method, json=body, headers=headers)
        if response.status_code >= 400:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response

    def login(self, identity: dict[str, Any], scope: Any = None) -> str:
        """A new token."""
        body = {"auth": {"identity": identity} | ({"scope": scope} if scope is not None else {})}
        return str(self.send("POST", "/v3/auth/tokens", body, X_Auth_Token="").headers["X-Subject-Token"])


def by_password() -> dict[str, Any]:
    """The administrator's way in."""
    user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
    return {"methods": ["password"], "password": {"user": user}}


PROJECT = {"project": {"name": "admin", "domain": {"id": "default"}}}
SYSTEM = {"system": {"all": True}}


def prepare(client: Client) -> dict[str, Any]:
    """What the requests need: an application credential, an EC2 credential, a token to be validated."""
    subject = client.login(by_password(), PROJECT)
    client.token = subject
    token = client.send("GET", "/v3/auth/tokens", X_Subject_Token=subject).json["token"]
    user, project = token["user"]["id"], token["project"]["id"]
    name = f"bench-{time.time_ns()}"
    body = {"application_credential": {"name": name}}
    credential = client.send("POST", f"/v3/users/{user}/application_credentials", body).json
    ec2 = client.send("POST", f"/v3/users/{user}/credentials/OS-EC2", {"tenant_id": project}).json[
        "credential"
    ]
    client.token = client.login(by_password(), SYSTEM)
    return {"subject": subject, "application": credential["application_credential"], "ec2": ec2}


def ec2_body(ec2: dict[str, Any]) -> dict[str, Any]:
    """A signed EC2 request, as nova's metadata service would hand it on."""
    from keystoneclient.contrib.ec2 import utils  # type: ignore[import-untyped]

    request: dict[str, Any] = {
        "access": ec2["access"],
        "host": "localhost",
        "verb": "GET",
        "path": "/",
        "params": {
            "SignatureVersion": "2",
            "SignatureMethod": "HmacSHA256",
            "Action": "Test",
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "AWSAccessKeyId": ec2["access"],
        },
    }
    request["signature"] = utils.Ec2Signer(ec2["secret"]).generate(request)
    return {"ec2Credentials": request}


def requests(client: Client, given: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """The requests that are measured, by name."""
    application = {"id": given["application"]["id"], "secret": given["application"]["secret"]}
    by_application = {"methods": ["application_credential"], "application_credential": application}

    def create_user() -> Any:
        body = {"user": {"name": f"u{time.time_ns()}", "domain_id": "default", "password": PASSWORD}}
        return client.send("POST", "/v3/users", body)

    return {
        "password auth, system scope": lambda: client.login(by_password(), SYSTEM),
        "password auth, project scope": lambda: client.login(by_password(), PROJECT),
        "application credential auth": lambda: client.login(by_application),
        "EC2 auth": lambda: client.send("POST", "/v3/ec2tokens", ec2_body(given["ec2"])),
        "validate a project token": lambda: client.send(
            "GET", "/v3/auth/tokens", X_Subject_Token=given["subject"]
        ),
        "GET /v3/roles": lambda: client.send("GET", "/v3/roles"),
        "GET /v3/role_assignments": lambda: client.send("GET", "/v3/role_assignments?include_names=true"),
        "create a user": create_user,
    }


CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}


def measure(
    folder: Path, cache: str, wrapping: str, arguments: argparse.Namespace
) -> dict[str, tuple[int, float]]:
    """By request: statements (of the last repetition) and milliseconds (median)."""
    client = Client(load_application(folder, cache, wrapping))
    given = prepare(client)
    statements, clock = Statements(), CLOCKS[arguments.clock]
    result = {}
    for name, request in requests(client, given).items():
        times = []
        for _ in range(arguments.repetitions + 2):
            statements.count = 0
            began = clock()
            request()
            times.append((clock() - began) * 1000)
        result[name] = (statements.count, statistics.median(times[2:]))
    return result


def run_child(
    folder: Path, cache: str, wrapping: str, arguments: argparse.Namespace
) -> dict[str, tuple[int, float]]:
    """``measure`` in a process of its own (``-P``: this file must not hide the library ``requests``)."""
    command = [sys.executable, "-P", "-W", "ignore", __file__, "--repetitions", str(arguments.repetitions)]
    command += ["--clock", arguments.clock]
    command += ["--child", str(folder), cache, wrapping]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, tuple[int, float]] = json.loads(done.stdout.splitlines()[-1])
    return result


def table(results: dict[tuple[str, str], dict[str, tuple[int, float]]]) -> str:
    """A Markdown table: statements and milliseconds per variant."""
    variants = list(results)
    lines = ["| request | " + " | ".join(f"{cache}, {wrapping}" for cache, wrapping in variants) + " |"]
    lines.append("| --- |" + " --- |" * len(variants))
    for name in results[variants[0]]:
        cells = [f"{results[variant][name][0]}, {results[variant][name][1]:.1f}" for variant in variants]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure all variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", help="an empty database; default: SQLite in a temporary folder")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--clock", choices=list(CLOCKS), help="default: cpu for SQLite, wall for --url")
    parser.add_argument("--cache", action="append", choices=list(CACHES), help="only these; default: all")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.clock = arguments.clock or ("wall" if arguments.url else "cpu")
    if arguments.child:
        folder, cache, wrapping = arguments.child
        print(json.dumps(measure(Path(folder), cache, wrapping, arguments)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_site(folder, arguments.url or f"sqlite:///{folder}/keystone.db")
        results = {
            (cache, wrapping): run_child(folder, cache, wrapping, arguments)
            for cache in arguments.cache or CACHES
            for wrapping in WRAPPINGS
        }
    print(f"statements, milliseconds of {arguments.clock} time (median)")
    print(table(results))


if __name__ == "__main__":
    main()
