"""How commands say which arguments they take: click's parameters, and those that several commands share."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

FORMATS = ("table", "json", "yaml")


class Arguments(SimpleNamespace):
    """What was given, by parameter; what was left out has its default."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Argument(click.Argument):
    """A positional one with a line of help."""

    def __init__(self, name: str, *, help: str, **rest: Any) -> None:
        super().__init__([name], **rest)
        self.help = help
        self._told = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """As options have it."""
        return self.make_metavar(ctx), self._told


def argument(name: str, **rest: Any) -> Argument:
    """A positional argument, whose ``choices`` are checked. It is required where it has no default."""
    choices = rest.pop("choices", None)
    if choices is not None:
        rest["type"] = click.Choice(list(choices))
    return Argument(name, **rest)


def option(*names: str, **rest: Any) -> click.Option:
    """An option with a value. ``many``: it may be repeated."""
    choices = rest.pop("choices", None)
    if choices is not None:
        rest["type"] = click.Choice(list(choices))
    return click.Option(names, multiple=rest.pop("many", False), **rest)


def flag(*names: str, **rest: Any) -> click.Option:
    """An option without a value."""
    return click.Option(names, is_flag=True, **rest)


def json_file(help: str) -> click.Option:
    """``--json FILE`` of the commands that write a report."""
    return option("--json", "json_file", type=Path, metavar="FILE", help=help)


#: The result for programs; ``--json`` is the older name of ``--format json``.
OUTPUT = (
    option("--format", "form", choices=FORMATS, default="table", help="how the result is printed"),
    flag("--json", help="the same as --format json"),
)
DRY_RUN = flag("--dry-run", help="change nothing, say what would be done")
#: The file that names the sites and how to reach them.
FLEET = option(
    "--config", type=Path, default=Path("viaduct.yaml"), metavar="FILE", help="the fleet (viaduct.yaml)"
)
#: As Keystone's own commands have them.
KEYSTONE = (
    option(
        "--config-file",
        many=True,
        metavar="FILE",
        help="Keystone's configuration; may be repeated (default: as Keystone finds it: "
        "OS_KEYSTONE_CONFIG_DIR and OS_KEYSTONE_CONFIG_FILES, else /etc/keystone/keystone.conf)",
    ),
    option("--config-dir", many=True, metavar="FOLDER", help="a folder of *.conf files"),
)
#: Whose access changes how where a site joins.
ACCESS = (
    option(
        "--access",
        default="",
        metavar="CHOICE,…",
        help="where access changes: hub, site, newest or both; of several the first that is possible",
    ),
    option(
        "--choose",
        many=True,
        metavar="KIND/KEY=CHOICE",
        help="the same for one account, as the plan names it; may be repeated",
    ),
    option("--choices", type=Path, metavar="FILE", help="the same as YAML: KIND/KEY: CHOICE"),
    flag("--all", help="name all whose access changes, however many"),
)
