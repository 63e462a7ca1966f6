"""Times, numbers and names as people read them."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

#: Characters of a value that are shown in a table.
LONGEST = 400


def span(seconds: float) -> str:
    """A length of time: ``80 ms``, ``3.2 s``, ``5 min``, ``2 h``, ``4 days``."""
    if seconds < 0.0005:
        return "0 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < size * most:
            number = seconds / size
            return f"{number:.1f} {unit}" if number < 10 and unit == "s" else f"{number:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def ago(then: float, now: float) -> str:
    """``3 s ago``, or ``never``."""
    if not then:
        return "never"
    return "now" if now - then < 1 else f"{span(now - then)} ago"


def count(number: int, one: str, many: str = "") -> str:
    """``1 change``, ``1,200 changes``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def compact(number: int) -> str:
    """A number where there is little room: ``950``, ``1.2k``, ``34k``, ``5.0M``."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.0f}{letter}" if number >= 10 * size else f"{number / size:.1f}{letter}"
    return str(number)


def shown(value: Any) -> str:
    """A field's value for a table: text as it is, all else as JSON, cut where it is long."""
    if value is None:
        return "(nothing)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def listed(names: list[str], most: int = 3) -> str:
    """``west, south and 4 more``."""
    if len(names) <= most:
        return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def plain(text: str) -> str:
    """The text with everything written out that is not seen, or that moves other letters about: controls,
    marks of direction, halves of surrogate pairs. So no name looks like another one.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if _is_shown(letter) else _written(letter) for letter in text)


def _is_shown(letter: str) -> bool:
    return letter in "\n\t " or not unicodedata.category(letter).startswith(("C", "Zl", "Zp"))


def _written(letter: str) -> str:
    return f"\\u{ord(letter):04x}"
