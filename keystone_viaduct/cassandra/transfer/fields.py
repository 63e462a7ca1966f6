"""Single values of records as values of documents, and back.

Both are JSON. They differ in times (microseconds here, whole seconds there) and in what Keystone keeps as
text within text.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from keystone_viaduct.cassandra.drivers.graph import EPOCH
from keystone_viaduct.documents.convert import parse_time, show_time, time_to_micros
from keystone_viaduct.kinds import raw
from keystone_viaduct.kinds.shape import Field
from keystone_viaduct.kinds.value import JSON, Type


def shown(spec: Field, value: Any) -> JSON:
    """A document's value."""
    if spec.null_token is not None:
        return None if value == spec.null_token else value
    if value is None:
        return None
    if spec.type is Type.DATETIME:
        return show_time(EPOCH + timedelta(microseconds=value))
    if spec.type is Type.JSON:
        return raw.parse(json.dumps(value))  # type: ignore[no-any-return]
    if spec.type in (Type.JSON_TWICE, Type.JSON_TEXT):
        return raw.parse(value) if isinstance(value, str) else value  # type: ignore[no-any-return]
    return value  # type: ignore[no-any-return]


def stored(spec: Field, value: JSON) -> Any:
    """A record's value."""
    if spec.null_token is not None:
        return spec.null_token if value is None else value
    if value is None:
        return None
    if spec.type is Type.DATETIME:
        return time_to_micros(parse_time(str(value)))
    if spec.type is Type.JSON:
        return json.loads(raw.dumps(value))
    if spec.type in (Type.JSON_TWICE, Type.JSON_TEXT):
        return raw.dumps(value)
    return value
