"""Values, names and bodies at random: what Keystone's own schemas allow, and what breaks things."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from oslo_serialization import msgpackutils

Json = Any
Schema = Mapping[str, Any]

ODD_TEXTS = (
    *(
        "",
        " ",
        "~",
        "%2F",
        "a/b",
        "a%b",
        "NULL",
        "null",
        "None",
        "<<null>>",
        "'; --",
        '"quoted"',
        "back\\slash",
    ),
    *(
        "penguin-🐧",
        "é",
        "e\u0301",
        "İ",
        "ß",
        "\u200b",
        "\u2028",
        "\ufeff",
        "\uffff",
        "名前",
        "trailing ",
        "\t",
    ),
)
NUMBERS = (
    *(
        0,
        1,
        -1,
        0.0,
        -0.0,
        1.0,
        1e-7,
        5e-324,
        1e22,
        1.7976931348623157e308,
        2**31,
        2**53 + 1,
        2**63,
        -(2**64),
    ),
    *(10**300, 10**400, float("nan"), float("inf"), float("-inf")),
)
HALVES = ("\ud83d", "\udc27", "a\ud800b", "\udfff\ud800")
NAMES = (
    *(
        "",
        " ",
        "@deleted",
        "@evicted",
        "extra",
        "extra.x",
        ".",
        "..",
        "links",
        "a.b.c",
        "a/b",
        "é",
        "🐧",
        "\0",
        '"q"',
    ),
    *(
        "\ud800",
        "x\udfff",
        "raw",
        "sealed",
        "NaN",
        "__proto__",
        "constructor",
        "n" * 255,
        "n" * 300,
        "n" * 3000,
    ),
)


#: What stands in everybody's catalog: a site where Keystone's cache can't take it serves nobody any more, and
#: who looks here neither.
IN_CATALOG = frozenset({"service", "endpoint"})


class Maker:
    """Everything follows from the seed."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)

    def chance(self, share: float) -> bool:
        """True that often."""
        return self.random.random() < share

    def word(self) -> str:
        """A name that nobody else has."""
        return f"{self.random.getrandbits(48):012x}"

    def text(self, most: int = 40) -> str:
        """Any text of at most so many characters that a database of Keystone's could hold."""
        kind = self.random.random()
        if kind < 0.3:
            found = self.random.choice(ODD_TEXTS)
        elif kind < 0.5:
            found = self.word()
        elif kind < 0.6:
            found = self.random.choice("xé🐧") * self.random.choice((64, 65, 255, 256, most))
        else:
            found = "".join(self._character() for _ in range(self.random.randrange(1, 24)))
        return found[:most]

    def _character(self) -> str:
        while True:
            found = chr(
                self.random.choice((0x7F, 0x250, 0x3000, 0xFFFF, 0x1F64F)) - self.random.randrange(0x70)
            )
            if not 0xD800 <= ord(found) <= 0xDFFF and found != "\0":
                return found

    def value(self, depth: int = 0) -> Json:
        """Any JSON value that Keystone's parser takes."""
        kind = self.random.random()
        if depth < 3 and kind < 0.15:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        if depth < 3 and kind < 0.3:
            return {self.name(): self.value(depth + 1) for _ in range(self.random.randrange(4))}
        if kind < 0.36 and depth == 0:
            return self.deep(self.random.choice((150, 199, 200, 201, 250, 600)))
        if kind < 0.5:
            return self.random.choice(NUMBERS)
        if kind < 0.6:
            return self.random.choice(HALVES)
        if kind < 0.7:
            return self.random.choice((None, True, False))
        if kind < 0.74:
            return "\0" + self.text()
        return self.text(self.random.choice((40, 300, 5000)))

    def deep(self, depth: int) -> Json:
        """Lists and objects inside each other."""
        found: Json = self.random.choice((1, "x", None))
        for _ in range(depth):
            found = [found] if self.chance(0.8) else {"d": found}
        return found

    def name(self) -> str:
        """The name of an attribute."""
        return self.random.choice(NAMES) if self.chance(0.4) else self.text(40)

    def attributes(self, kind: str) -> dict[str, Json]:
        """What no schema of this kind says anything about; now and then thousands of them."""
        found = self._attributes()
        return {n: v for n, v in found.items() if is_cached({n: v})} if kind in IN_CATALOG else found

    def _attributes(self) -> dict[str, Json]:
        if self.chance(0.01):
            return {f"a{number}": number for number in range(self.random.choice((1000, 4000, 4100, 6000)))}
        return {self.name(): self.value() for _ in range(self.random.randrange(4))}

    def of_schema(self, schema: Schema) -> Json:
        """A value that the schema allows, as far as one sees at a glance; Keystone has the last word."""
        if "enum" in schema:
            return self.random.choice(list(schema["enum"]))
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return self.of_schema(self.random.choice(schema[several]))
        types = schema.get("type", "string")
        return self._of_type(self.random.choice(types) if isinstance(types, list) else types, schema)

    def _of_type(self, name: str, schema: Schema) -> Json:
        if name == "object":
            return self.members(schema)
        if name == "array":
            items = [self.of_schema(schema.get("items", {})) for _ in range(self.random.randrange(3))]
            return [item for place, item in enumerate(items) if item not in items[:place]]
        if name == "string":
            return self._string(schema)
        if name in ("integer", "number"):
            least, most = schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1)
            return self.random.choice((least, most, self.random.randint(least, most)))
        return {"boolean": self.chance(0.5), "null": None}[name]

    def members(self, schema: Schema, kind: str = "") -> dict[str, Json]:
        """An object (a whole record of the kind, where one is given): what is required, some of what is not,
        and attributes of our own where they may be.
        """
        known, required = schema.get("properties", {}), schema.get("required", ())
        found = {name: self.of_schema(known[name]) for name in known if name in required or self.chance(0.4)}
        if schema.get("additionalProperties", True):
            found |= {name: value for name, value in self.attributes(kind).items() if name not in known}
        return found

    def _string(self, schema: Schema) -> str:
        least, most = schema.get("minLength", 0), min(schema.get("maxLength", 300), 5000)
        if schema.get("format") == "uuid":
            return f"{self.random.getrandbits(128):032x}"
        if schema.get("format") == "uri":
            return f"http://{self.word()}.example/{self.random.choice(('', 'é', '%2F', '?a=b'))}"
        for _ in range(5):
            text = self.text(most)
            if len(text) >= least and re.search(schema.get("pattern", ""), text):
                return text
        return self.word()[:most]


def is_cached(value: object) -> bool:
    """Whether Keystone can keep this in its cache, as its packer says."""
    try:
        msgpackutils.dumps(value)
    except (OverflowError, UnicodeEncodeError, ValueError):
        return False
    return True
