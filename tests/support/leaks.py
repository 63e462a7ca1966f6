"""Looks for secrets in what programs have written, however they are written there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

#: Characters below which a text is found anywhere by chance.
SHORTEST = 8
#: What nobody is to read although no test knows it: tokens and what Fernet has sealed; hashes of passwords.
PATTERNS = {
    "a token, or what Fernet has sealed": re.compile(r"(?<![\w+/-])gAAAA[\w-]{60}"),
    "the hash of a password": re.compile(r"\$(?:2[aby]|scrypt|pbkdf2-sha\d+|6)\$[^\s\"']{20}"),
}


def leaks(secrets: Mapping[str, str | bytes], written: Mapping[str, str]) -> list[str]:
    """Which secret (named by its key) is in which of the texts, and around what."""
    forms = {form: name for name, secret in secrets.items() for form in spellings(secret)}
    assert forms, "no secret was named"
    found = []
    for place, text in written.items():
        found += [f"{name} in {place}: {_around(text, form)}" for form, name in forms.items() if form in text]
        for name, pattern in PATTERNS.items():
            if match := pattern.search(text):
                found.append(f"{name} in {place}: {_around(text, match[0])}")
    return found


def spellings(secret: str | bytes) -> Iterator[str]:
    """As it is, in JSON, in a URL, as base64 and as hexadecimal digits."""
    data = secret.encode() if isinstance(secret, str) else secret
    assert len(data) >= SHORTEST, f"{secret!r} may be anywhere"
    if isinstance(secret, str):
        yield secret
        yield json.dumps(secret)[1:-1]
        yield quote(secret, safe="")
    yield data.hex()
    yield base64.b64encode(data).decode().rstrip("=")
    yield base64.urlsafe_b64encode(data).decode().rstrip("=")


def _around(text: str, form: str) -> str:
    place = text.index(form)
    return repr(text[max(0, place - 120) : place + len(form) + 20])
