"""Namespace ``keystone.oauth1``: consumers, and the tokens that they were given.

A token needs its consumer, which is looked at again when the token is there. A request token is used up
first, by whoever deletes it, and then an access token is made: so of one there are never two.
"""

from __future__ import annotations

import datetime
import secrets
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from keystone import exception
from keystone.common import utils
from keystone.oauth1.backends import base
from keystone.oauth1.backends import sql as model
from oslo_serialization import jsonutils
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Fields, Listing, Shape
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

CONSUMER = Shape("consumer", listings=(Listing(ALL, everywhere),))
REQUEST = Shape("request_token", listings=(Listing("consumer", field_of("consumer_id"), width=1),))
ACCESS = Shape(
    "access_token",
    listings=(
        Listing(ALL, everywhere, width=1),
        Listing("consumer", field_of("consumer_id"), width=1),
        Listing("user", field_of("authorizing_user_id")),
    ),
)
CONSUMERS, REQUESTS, ACCESSES = Simple(model.Consumer), Simple(model.RequestToken), Simple(model.AccessToken)


class OAuth1(Driver, base.Oauth1DriverBase):  # type: ignore[misc]
    """See the base class."""

    def _of(self, shape: Shape, codec: Simple, key: str, named: str) -> Any:
        ref = self._thing(shape, codec, key)
        if ref is None:
            raise _missing(named)
        return ref

    def get_consumer_with_secret(self, consumer_id: str) -> dict[str, Any]:
        """A consumer, with its secret."""
        return dict(self._of(CONSUMER, CONSUMERS, consumer_id, "Consumer").to_dict())

    def get_consumer(self, consumer_id: str) -> dict[str, Any]:
        """A consumer."""
        return dict(base.filter_consumer(self.get_consumer_with_secret(consumer_id)))

    def create_consumer(self, consumer_ref: Mapping[str, Any]) -> dict[str, Any]:
        """Make a consumer."""
        ref = model.Consumer.from_dict(consumer_ref)
        self._create(CONSUMER, ref.id, CONSUMERS.fields(ref))
        return dict(ref.to_dict())

    def delete_consumer(self, consumer_id: str) -> None:
        """Delete a consumer. Its tokens go first, and again afterwards."""
        self._of(CONSUMER, CONSUMERS, consumer_id, "Consumer")
        self._clear(consumer_id)
        self._delete(CONSUMER, consumer_id, _missing("Consumer"))
        self._clear(consumer_id)

    def _clear(self, consumer_id: str) -> None:
        for shape in (REQUEST, ACCESS):
            for key, _fields in self._records.list(shape, "consumer", consumer_id):
                self._change(shape, key, lambda _: None)

    def list_consumers(self) -> list[dict[str, Any]]:
        """All consumers."""
        every = (CONSUMERS.thing(*each) for each in self._records.list(CONSUMER, ALL))
        return [base.filter_consumer(ref.to_dict()) for ref in every]

    def update_consumer(self, consumer_id: str, consumer_ref: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``consumer_ref`` names; the secret stays."""

        def alter(ref: Any) -> None:
            new = model.Consumer.from_dict({**ref.to_dict(), **consumer_ref})
            ref.description, ref.extra = new.description, new.extra

        updated = self._update(CONSUMER, CONSUMERS, consumer_id, alter, _missing("Consumer"))
        return dict(base.filter_consumer(updated.to_dict()))

    def create_request_token(
        self, consumer_id: str, requested_project: str, request_token_duration: int
    ) -> dict[str, Any]:
        """Make a request token of a consumer."""
        ref = model.RequestToken(
            id=uuid.uuid4().hex,
            request_secret=uuid.uuid4().hex,
            verifier=None,
            authorizing_user_id=None,
            requested_project_id=requested_project,
            role_ids=None,
            consumer_id=consumer_id,
            expires_at=_expiry(request_token_duration),
        )
        self._give(REQUEST, ref, REQUESTS.fields(ref))
        return dict(ref.to_dict())

    def _give(self, shape: Shape, ref: Any, fields: Fields) -> None:
        """Make a token; taken back where its consumer is gone."""
        self._create(shape, ref.id, fields)
        if self._records.get_latest(CONSUMER, ref.consumer_id) is None:
            self._change(shape, ref.id, lambda _: None)
            raise _missing("Consumer")

    def get_request_token(self, request_token_id: str) -> dict[str, Any]:
        """A request token."""
        return dict(self._of(REQUEST, REQUESTS, request_token_id, "Request token").to_dict())

    def authorize_request_token(
        self, request_token_id: str, user_id: str, role_ids: Iterable[str]
    ) -> dict[str, Any]:
        """Note that a user authorizes it, for these roles."""
        verifier = "".join(secrets.SystemRandom().sample(base.VERIFIER_CHARS, 8))

        def alter(ref: Any) -> None:
            ref.authorizing_user_id, ref.verifier = user_id, verifier
            ref.role_ids = jsonutils.dumps(role_ids)

        missing = _missing("Request token")
        return dict(self._update(REQUEST, REQUESTS, request_token_id, alter, missing).to_dict())

    def create_access_token(self, request_id: str, access_token_duration: int) -> dict[str, Any]:
        """Make an access token of a request token, which is used up by it."""
        used: list[Fields] = []

        def decide(before: Fields | None) -> None:
            if before is None:
                raise _missing("Request token")
            used[:] = [before]

        self._change(REQUEST, request_id, decide)
        ref = model.AccessToken(
            id=uuid.uuid4().hex,
            access_secret=uuid.uuid4().hex,
            authorizing_user_id=used[0]["authorizing_user_id"],
            project_id=used[0]["requested_project_id"],
            role_ids=used[0]["role_ids"],
            consumer_id=used[0]["consumer_id"],
            expires_at=_expiry(access_token_duration),
        )
        self._give(ACCESS, ref, ACCESSES.fields(ref))
        return dict(ref.to_dict())

    def get_access_token(self, access_token_id: str) -> dict[str, Any]:
        """An access token."""
        return dict(self._of(ACCESS, ACCESSES, access_token_id, "Access token").to_dict())

    def list_access_tokens(self, user_id: str) -> list[dict[str, Any]]:
        """The access tokens that a user has authorized."""
        found = (ACCESSES.thing(*each) for each in self._records.list(ACCESS, "user", user_id))
        return [base.filter_token(ref.to_dict()) for ref in found]

    def delete_access_token(self, user_id: str, access_token_id: str) -> None:
        """Delete an access token that a user has authorized."""

        def decide(before: Fields | None) -> None:
            if before is None:
                raise _missing("Access token")
            if before["authorizing_user_id"] != user_id:
                raise exception.Unauthorized("User IDs do not match")

        self._change(ACCESS, access_token_id, decide)


def _missing(named: str) -> Exception:
    missing: Exception = exception.NotFound(f"{named} not found")
    return missing


def _expiry(seconds: int) -> str | None:
    """The time at which a token expires that is to last so long; None: never."""
    if seconds <= 0:
        return None
    return str(utils.isotime(timeutils.utcnow() + datetime.timedelta(seconds=seconds), subsecond=True))
