"""What docs/reference/commands.md shows of each command: its own ``--help``, so that the page can't be wrong.

``python -m tools.reference`` writes it anew; a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from keystone_viaduct.cli._commands import Unread, build

PAGE = Path(__file__).parents[1] / "docs/reference/commands.md"
WIDTH = 108
_BLOCK = re.compile(r"```console\n\$ viaduct(?P<name>( [\w-]+)*) --help\n.*?```\n", re.S)


def shown(name: str) -> str:
    """The block of one command ('' for the whole)."""
    found: click.Command = build()
    context = click.Context(
        found, info_name="viaduct", terminal_width=WIDTH, help_option_names=["-h", "--help"]
    )
    for word in name.split():
        assert isinstance(found, click.Group)
        inner = found.get_command(context, word)
        assert inner is not None, f"there is no command viaduct {name}"
        context = click.Context(inner, parent=context, info_name=word, terminal_width=WIDTH)
        found = inner
    if isinstance(found, Unread):
        return ""
    return f"```console\n$ viaduct{f' {name}' if name else ''} --help\n{context.get_help()}\n```\n"


def names() -> Iterator[str]:
    """Every command that has help of its own."""
    whole = build()
    context = click.Context(whole)
    yield ""
    for name in whole.list_commands(context):
        if shown(name):
            yield name


def rewritten(page: str) -> str:
    """The page with each block as the command has it now."""
    return _BLOCK.sub(lambda block: shown(block["name"].strip()), page)


def blocks(page: str) -> list[str]:
    """The commands that the page shows."""
    return [block["name"].strip() for block in _BLOCK.finditer(page)]


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
