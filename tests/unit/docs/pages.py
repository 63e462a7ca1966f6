"""The commands that the documentation shows: lines behind a prompt, and what stands in backticks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
#: A line behind a prompt: `$ …`, `# …`, `west$ …`.
_PROMPT = re.compile(r"^\s*(?:[a-z]+)?[$#] (.*)$")
_INLINE = re.compile(r"`([^`\n]+(?:\n *[^`\n]+)?)`")
#: What may stand before a command that is run in another place, or as somebody else.
_BEFORE = re.compile(
    r"^(?:sudo (?:-u \w+ )?|docker compose (?:-f \S+ )?exec \w+ |kubectl (?:-n \S+ )?exec \S+ -- "
    r"|[A-Z_]+=\S+ )+"
)
#: What says that more may follow, or that it is cut off here.
_MORE = {"…", "...", "[…]"}


class Shown(NamedTuple):
    """One command of a page. ``whole``: it stands there as it is typed."""

    page: str
    line: int
    text: str
    whole: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def words(self) -> list[str]:
        """The program's name and its arguments."""
        text = re.split(r"\s(?:\||>|&&|#)\s?", _BEFORE.sub("", self.text))[0]
        words = shlex.split(text)
        # behind an option it is the value that is left out
        words = [w for before, w in pairwise(["", *words]) if w not in _MORE or before.startswith("--")]
        return [Path(words[0]).name, *words[1:]] if words else []


def pages() -> list[Path]:
    """Every page that people read."""
    return [
        *sorted(DOCS.rglob("*.md")),
        *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "RELEASING")),
    ]


def _typed(page: Path, lines: list[str]) -> Iterator[Shown]:
    name = str(page.relative_to(ROOT))
    number = 0
    while number < len(lines):
        found = _PROMPT.match(lines[number])
        start = number + 1
        if found is not None:
            text = found[1]
            while text.endswith("\\") and number + 1 < len(lines):
                number += 1
                text = f"{text[:-1]} {lines[number].strip()}"
            yield Shown(name, start, text, True)
        number += 1


def _quoted(page: Path, text: str) -> Iterator[Shown]:
    for found in _INLINE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Shown(str(page.relative_to(ROOT)), line, " ".join(found[1].split()), False)


def commands(program: str) -> list[Shown]:
    """Each place of the documentation where a program is called."""
    found: list[Shown] = []
    for page in pages():
        text = page.read_text()
        without_blocks = re.sub(
            r"^(?P<f> *```).*?^(?P=f)$", lambda block: "\n" * block[0].count("\n"), text, flags=re.M | re.S
        )
        for shown in (*_typed(page, text.splitlines()), *_quoted(page, without_blocks)):
            try:
                words = shown.words
            except ValueError:  # an apostrophe of prose
                continue
            if words[:1] == [program]:
                found.append(shown)
    return found
