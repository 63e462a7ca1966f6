"""Kinds of OAuth 1.0a. Keystone removes tokens with their consumer, and with nothing else."""

from __future__ import annotations

from .model import Kind
from .reference import ListReference, Mode, Reference
from .scope import Scope, Step, via
from .shape import Field
from .value import Type

_ID = Field("id", size=64, required=True)
_CONSUMER = Reference(field="consumer_id", target="consumer", mode=Mode.OWNING, foreign_key=True)
_USER = Reference(field="authorizing_user_id", target="user", mode=Mode.HISTORICAL, loose=True, external=True)
_ROLES = ListReference(field="role_ids", target="role", mode=Mode.HISTORICAL)

CONSUMER = Kind(
    "consumer",
    "consumer",
    ("id",),
    (_ID, Field("description", size=64), Field("secret", size=64, required=True, secret=True)),
    extra=True,
    deletes_win=True,
)

REQUEST_TOKEN = Kind(
    "request_token",
    "request_token",
    ("id",),
    (
        _ID,
        Field("request_secret", size=64, required=True, secret=True),
        Field("verifier", size=64, secret=True),
        Field("authorizing_user_id", size=64),
        Field("requested_project_id", size=64, required=True),
        Field("role_ids", Type.JSON_TEXT),
        Field("consumer_id", size=64, required=True),
        Field("expires_at", size=64),  # an ISO text with microseconds, as Keystone stores it
    ),
    references=(
        _CONSUMER,
        _USER,
        Reference(field="requested_project_id", target="project", mode=Mode.HISTORICAL, loose=True),
        _ROLES,
    ),
    scope=Scope((Step("authorizing_user_id", "user"), Step("requested_project_id", "project"))),
    deletes_win=True,
)

ACCESS_TOKEN = Kind(
    "access_token",
    "access_token",
    ("id",),
    (
        _ID,
        Field("access_secret", size=64, required=True, secret=True),
        Field("authorizing_user_id", size=64, required=True),
        Field("project_id", size=64, required=True),
        Field("role_ids", Type.JSON_TEXT, required=True),
        Field("consumer_id", size=64, required=True),
        Field("expires_at", size=64),
    ),
    references=(
        _CONSUMER,
        _USER,
        Reference(field="project_id", target="project", mode=Mode.HISTORICAL, loose=True),
        _ROLES,
    ),
    scope=via("user", "authorizing_user_id"),
    deletes_win=True,
)
