"""Several worker processes and threads of a real Keystone on one SQLite file: no answer is a 5xx."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.keystones import KeystoneHome, make_home

WORKERS, THREADS, CLIENTS, ROUNDS = 2, 2, 6, 6
ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def serving(home: KeystoneHome, module: str) -> Iterator[str]:
    """Keystone under gunicorn with several workers; yields its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "-b", f"127.0.0.1:{port}"]
    command += ["-w", str(WORKERS), "--threads", str(THREADS), "--timeout", "120", f"{module}:application"]
    log = (home.folder / "gunicorn.log").open("w")
    process = subprocess.Popen(command, cwd=ROOT, env=home.env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/v3"
    try:
        _wait(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "gunicorn ended"
        try:
            if httpx.get(url, timeout=30).status_code < 400:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("Keystone did not start to answer")


class Client:
    """One user of the API: logs in again and again, and makes, changes and removes users and grants."""

    def __init__(self, url: str, number: int) -> None:
        self.answers: Counter[int] = Counter()
        self._http = httpx.Client(base_url=url, timeout=120)
        self._number = number

    def run(self) -> None:
        for round_ in range(ROUNDS):
            token = self._login()
            name = f"u{self._number}-{round_}"
            body = {"user": {"name": name, "domain_id": "default", "password": "p"}}
            user = self._send(token, "POST", "/users", json=body).json()["user"]["id"]
            self._send(token, "PATCH", f"/users/{user}", json={"user": {"description": name}})
            self._send(token, "DELETE", f"/users/{user}")

    def _login(self) -> str:
        user = {"name": "admin", "domain": {"id": "default"}, "password": "admin"}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        answer = self._send(
            None, "POST", "/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}
        )
        return str(answer.headers["X-Subject-Token"])

    def _send(self, token: str | None, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {"X-Auth-Token": token} if token else {}
        answer = self._http.request(method, path, headers=headers, **arguments)
        self.answers[answer.status_code] += 1
        return answer


@pytest.mark.keystone
def test_no_request_fails_with_two_workers(tmp_path: Path, keystone_database: Any) -> None:
    home = make_home(tmp_path / "home", keystone_database("sqlite"))
    home.bootstrap()
    with serving(home, "keystone_viaduct.wsgi") as url:
        clients = [Client(url, number) for number in range(CLIENTS)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    answers = sum((client.answers for client in clients), Counter())
    assert set(answers) <= {200, 201, 204}, answers
    assert answers.total() == CLIENTS * ROUNDS * 4
