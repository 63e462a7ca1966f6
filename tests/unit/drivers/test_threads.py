"""Keystone's middleware keeps the token of a request in itself: each thread has to have its own."""

from __future__ import annotations

import threading

import pytest
from keystone.server.flask.request_processing.middleware import auth_context

from keystone_viaduct.drivers.threads import keep_tokens_apart


@pytest.fixture
def middleware(monkeypatch: pytest.MonkeyPatch) -> auth_context.AuthContextMiddleware:
    monkeypatch.setattr(auth_context.AuthContextMiddleware, "token", None, raising=False)
    keep_tokens_apart()
    return auth_context.AuthContextMiddleware(lambda environ, start_response: [])


def test_a_thread_reads_the_token_that_it_has_put_there(
    middleware: auth_context.AuthContextMiddleware,
) -> None:
    middleware.token = "an administrator's"
    seen: list[str | None] = []

    def other() -> None:
        seen.append(middleware.token)
        middleware.token = "a reader's"
        seen.append(middleware.token)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [None, "a reader's"]
    assert middleware.token == "an administrator's"


def test_two_applications_of_one_process_have_tokens_of_their_own(
    middleware: auth_context.AuthContextMiddleware,
) -> None:
    other = auth_context.AuthContextMiddleware(lambda environ, start_response: [])
    middleware.token, other.token = "one", "other"
    assert (middleware.token, other.token) == ("one", "other")
