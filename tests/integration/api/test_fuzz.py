"""Whatever is sent to the routes of openapi.yaml, a site answers it, and never with 500."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystones, SiteSpec

pytestmark = pytest.mark.keystone

FILE = Path(__file__).parents[3] / "docs" / "reference" / "openapi.yaml"
DESCRIPTION = yaml.safe_load(FILE.read_text(encoding="utf-8"))
OPERATIONS = [(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods]
#: What a healthy site may say: 503 only for what is missing there, 414 to a line too long for its server.
ALLOWED = frozenset({200, 201, 204, 400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 422, 503})


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A hub of its own, which may be filled with nonsense, as a system administrator."""
    folder = tmp_path_factory.mktemp("lone")
    options = {"viaduct": {"key_repository": str(folder / "keys")}}
    with_keys = Keystones(folder, [SiteSpec("lone", options=options)])
    with_keys.prepare()
    try:
        with_keys["lone"].run("keystone_viaduct.cli.main", "init", "--site", "lone", "--hub", "lone")
        with_keys.start()
        url = with_keys["lone"].url
        user = {"name": "admin", "domain": {"id": "default"}, "password": ADMIN_PASSWORD}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"system": {"all": True}}}}
        token = httpx.post(f"{url}/auth/tokens", json=body, timeout=30).headers["X-Subject-Token"]
        # a connection that idles while examples are made up is closed by the server just as it is used again
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(
            base_url=url, headers={"X-Auth-Token": token}, timeout=30, trust_env=False, limits=limits
        ) as client:
            yield client
    finally:
        with_keys.stop()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_is_answered_by_500(lone: httpx.Client, method: str, path: str) -> None:
    operation = schemathesis.openapi.from_dict(DESCRIPTION)[path][method]
    seen: Counter[int] = Counter()

    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(operation.as_strategy(), _broken(operation)))
    def send(case: schemathesis.Case[Any]) -> None:
        request = case.as_transport_kwargs(base_url=str(lone.base_url))
        answer = lone.request(
            method,
            request["url"],
            params=request.get("params"),
            headers={k: v for k, v in (request.get("headers") or {}).items() if k.lower() != "x-auth-token"},
            json=request.get("json"),
        )
        seen[answer.status_code] += 1
        assert answer.status_code in ALLOWED, (request, answer.status_code, answer.text[:500])

    send()
    assert sum(seen.values()) >= 20


def _broken(operation: Any) -> st.SearchStrategy[Any]:
    """Requests that the description does not allow."""
    found: st.SearchStrategy[Any] = operation.as_strategy(
        generation_mode=schemathesis.GenerationMode.NEGATIVE
    )
    return found
