"""What ``viaduct record edit`` makes of a record: the body that is sent, and what differs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.kinds.raw import Raw, parse
from keystone_viaduct.kinds.registry import get
from keystone_viaduct.sync.model import Ref

#: More than any record may have.
LARGEST = 64 * 1024 * 1024
_FORM = "`viaduct record show … --format json` prints the form"


def edited(
    ref: Ref, found: Mapping[str, Any], given: Iterable[str], taken: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """The record with these ``FIELD=VALUE`` and without those fields. Raises ConfigError."""
    document, raw = dict(found["document"]), dict(found.get("raw", {}))
    for name in taken:
        _check_open(ref, found, name)
        if name not in document and name not in raw:
            raise ConfigError(f"{ref} has no field {name[:80]}", hint="`viaduct record show` lists them")
        document.pop(name, None)
        raw.pop(name, None)
    for assignment in given:
        name, equals, text = assignment.partition("=")
        if not equals or not name:
            raise ConfigError(f"--set {assignment[:80]}: no value is given", hint="--set FIELD=VALUE")
        _check_open(ref, found, name)
        document.pop(name, None)
        raw.pop(name, None)
        value = _value(text)
        if isinstance(value, Raw):
            raw[name] = value.text
        else:
            document[name] = value
    return _body(document, raw)


def _check_open(ref: Ref, found: Mapping[str, Any], name: str) -> None:
    if name in found["secret"]:
        raise ConfigError(
            f"{name} of {ref} is secret: it would stand in the shell's history and in lists of processes",
            hint="change it by Keystone's own API, or give all of the record by --file",
        )


def _value(text: str) -> Any:
    """JSON, else the text as it stands."""
    try:
        return parse(text)
    except ValueError:
        return text


def read(file: str, ref: Ref, found: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], str]:
    """The body that a file gives, and the digest of what it was made from. Raises ConfigError."""
    from keystone_viaduct.sync.agent.places import parse as parse_yaml

    try:
        text = sys.stdin.read(LARGEST) if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} can't be read: {error}", hint=_FORM) from error
    value = parse_yaml(text, Path(file)).value
    if not isinstance(value, dict) or not isinstance(value.get("document"), dict):
        raise ConfigError(f"{file}: there is no `document`", hint=_FORM)
    if not isinstance(raw := value.get("raw", {}), dict):
        raise ConfigError(f"{file}: `raw` is no mapping", hint=_FORM)
    named = Ref(str(value.get("kind", ref.kind)), str(value.get("key", ref.key)))
    if named != ref:
        raise ConfigError(f"{file} is about {named}, not {ref}", hint="name that one, or correct the file")
    try:
        json.dumps(value["document"], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{file}: {error}", hint="quote dates; what JSON has no form for stands in `raw`, as its text"
        ) from error
    digest = str(value.get("digest") or found["digest"])
    return _body(value["document"], raw), digest


def _body(document: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {"document": dict(document), **({"raw": dict(raw)} if raw else {})}


def shown_fields(found: Mapping[str, Any]) -> dict[str, str]:
    """Each field that may be shown with its value as JSON, by name."""
    values = {name: json.dumps(value, ensure_ascii=False) for name, value in found["document"].items()}
    return dict(sorted({**values, **found.get("raw", {})}.items()))


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The fields that two answers do not have alike; of a secret one only that it has come or gone shows."""
    one, other = shown_fields(before), shown_fields(after)
    secrets = set(before["secret"]) ^ set(after["secret"])
    return sorted(secrets | {name for name in {**one, **other} if one.get(name) != other.get(name)})


def table(before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str]) -> list[list[str]]:
    """Of these fields what they were and what they are."""
    one, other = shown_fields(before), shown_fields(after)
    secret = get(before["kind"]).is_secret
    return [
        [name, "(secret)", "(secret)"] if secret(name) else [name, one.get(name, ""), other.get(name, "")]
        for name in names
    ]
