"""SQL statements and time of typical requests: stock Keystone against the wrapped drivers, memo off and on.

One command: ``python benchmarks/requests.py``. It makes a Keystone of its own (SQLite in a temporary folder,
or the empty database of ``--url``) and sends the same requests, over WSGI, one thread, to one process per
variant. The variants take turns, request by request, so that what else the machine does meets them all alike;
times are medians, and a factor is the median of the turns' own factors. Times are of the CPU for SQLite,
which runs in the process. Password hashing is left out as far as that goes: bcrypt with its lowest cost
(about 1 ms). ``BEGIN``, ``PRAGMA`` and the like are not counted as statements.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
    return drivers.around(wsgi.initialize_public_application(), config.driver_settings(conf))


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
    application = credential["application_credential"]
    body = {"user": {"name": f"other-{time.time_ns()}", "domain_id": "default"}}
    other = client.send("POST", "/v3/users", body).json["user"]["id"]
    return {"subject": subject, "application": application, "ec2": ec2, "user": user, "other": other}


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

    def change(**fields: Any) -> Any:
        return client.send("PATCH", f"/v3/users/{given['other']}", {"user": fields})

    def disable() -> Any:
        change(enabled=False)
        return change(enabled=True)

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
        "describe a user": lambda: change(description=f"at {time.time_ns()}"),
        "disable a user, and enable him": disable,
        "GET one's own user": lambda: client.send("GET", f"/v3/users/{given['user']}"),
        "GET /v3/services": lambda: client.send("GET", "/v3/services"),
        "GET a region": lambda: client.send("GET", "/v3/regions/here"),
        "HEAD a token": lambda: client.send("HEAD", "/v3/auth/tokens", X_Subject_Token=given["subject"]),
    }


WARM = 3
"""Turns that are not counted."""
CAPTIONS = {"stock": "stock settings", "off": "caching disabled", "memory": "memory cache"}
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}


class Variant:
    """A process that serves one variant; it does what it is told by lines on its standard input."""

    def __init__(self, folder: Path, cache: str, wrapping: str, arguments: argparse.Namespace) -> None:
        # -P: this file must not hide the library ``requests``
        command = [sys.executable, "-P", "-W", "ignore", __file__, "--clock", arguments.clock]
        command += ["--child", str(folder), cache, wrapping]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.names: list[str] = self._receive()

    def ask(self, name: str) -> tuple[int, float]:
        """Send one request: its statements and milliseconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        statements, milliseconds = self._receive()
        return int(statements), float(milliseconds)

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a variant ended: exit {self._process.wait()}")
        return json.loads(line)

    def end(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(folder: Path, cache: str, wrapping: str, clock: Callable[[], float]) -> None:
    """What a variant's process does: answer each line with a measurement."""
    client = Client(load_application(folder, cache, wrapping))
    known = requests(client, prepare(client))
    statements = Statements()
    gc.collect()
    gc.freeze()  # as our entry does; for every variant, so that it is no difference
    print(json.dumps(list(known)), flush=True)
    for line in sys.stdin:
        statements.count = 0
        began = clock()
        known[line.rstrip("\n")]()
        taken = (clock() - began) * 1000
        print(json.dumps([statements.count, taken]), flush=True)


@dataclass
class Series:
    """What one request took in one variant: statements (of the last turn) and milliseconds of each turn."""

    statements: int = 0
    times: list[float] = field(default_factory=list)

    def cell(self, stock: Series) -> str:
        """Statements, milliseconds, and how many times faster than stock."""
        factor = statistics.median(one / other for one, other in zip(stock.times, self.times, strict=True))
        told = f"{self.statements}, {statistics.median(self.times):.1f}"
        return told if stock is self else f"{told}, {factor:.2f}×"


Results = dict[str, dict[str, Series]]


def measure(folder: Path, cache: str, arguments: argparse.Namespace) -> Results:
    """By wrapping and request: all wrappings of one kind of cache, taking turns."""
    variants = {wrapping: Variant(folder, cache, wrapping, arguments) for wrapping in WRAPPINGS}
    names = variants[WRAPPINGS[0]].names
    wanted = [name for name in names if not arguments.request or name in arguments.request]
    results: Results = {wrapping: {name: Series() for name in wanted} for wrapping in WRAPPINGS}
    for name in wanted:
        for turn in range(arguments.repetitions + WARM):
            order = WRAPPINGS[turn % len(WRAPPINGS) :] + WRAPPINGS[: turn % len(WRAPPINGS)]
            for wrapping in order:
                statements, milliseconds = variants[wrapping].ask(name)
                series = results[wrapping][name]
                series.statements = statements
                if turn >= WARM:
                    series.times.append(milliseconds)
    for variant in variants.values():
        variant.end()
    return results


def table(cache: str, results: Results) -> str:
    """A Markdown table: statements, milliseconds and factor per wrapping."""
    stock = results[WRAPPINGS[0]]
    lines = [f"| {CAPTIONS[cache]} | " + " | ".join(results) + " |", "| --- |" + " --- |" * len(results)]
    for name in stock:
        cells = [results[wrapping][name].cell(stock[name]) for wrapping in results]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", help="an empty database; default: SQLite in a temporary folder")
    parser.add_argument("--repetitions", type=int, default=30, help="turns of each request")
    parser.add_argument("--clock", choices=list(CLOCKS), help="default: cpu for SQLite, wall for --url")
    parser.add_argument("--cache", action="append", choices=list(CACHES), help="only these; default: all")
    parser.add_argument("--request", action="append", help="only these, by name")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.clock = arguments.clock or ("wall" if arguments.url else "cpu")
    return arguments


def main() -> None:
    """Measure all variants and print the tables."""
    arguments = parse()
    if arguments.child:
        folder, cache, wrapping = arguments.child
        serve(Path(folder), cache, wrapping, CLOCKS[arguments.clock])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_site(folder, arguments.url or f"sqlite:///{folder}/keystone.db")
        print(
            f"statements, milliseconds of {arguments.clock} time (median of {arguments.repetitions}), factor"
        )
        for cache in arguments.cache or CACHES:
            print(f"\n{table(cache, measure(folder, cache, arguments))}", flush=True)


if __name__ == "__main__":
    main()
