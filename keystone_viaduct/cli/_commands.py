"""Makes click's commands of the modules of this package, each imported when it is needed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import click

from keystone_viaduct import __version__, cli
from keystone_viaduct.cli._options import Arguments
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ViaductError

#: Who uses a command, in the order in which they are listed.
SECTIONS = {
    "site": "At a site, on its host",
    "fleet": "The fleet, from anywhere",
    "waiting": "Conflicts, and what waits",
    "keys": "Keys",
    "storage": "Upgrades and databases",
    "other": "Other",
}
#: Groups that gather commands under what they are about: name -> (help, the command's name there -> module).
GROUPS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "site": (
        "what is done at one site, on its host",
        {
            "account": "agent_account",
            "adopt": "adopt",
            "doctor": "_site_doctor",
            "init": "init",
            "manage": "manage",
            "retries": "retries",
            "status": "_site_status",
            "uninstall": "uninstall",
        },
    ),
    "fleet": (
        "what is done to the fleet, from anywhere",
        {
            "agent": "agent",
            "audit": "audit",
            "charter": "charter",
            "compare": "compare",
            "doctor": "doctor",
            "merge": "merge",
            "promote": "promote",
            "retire": "retire",
            "status": "status",
            "trace": "trace",
        },
    ),
}
#: What each command's exit codes mean, unless it says otherwise itself.
EXIT_CODES = {
    0: "done",
    1: "something is wrong, as the message says",
    2: "nothing could be done: arguments, configuration or database",
}


def module_names() -> list[str]:
    """The modules of all commands that stand by themselves."""
    names = (item.name for item in pkgutil.iter_modules(cli.__path__))
    return sorted(name for name in names if name != "main" and not name.startswith("_"))


def load(name: str) -> ModuleType:
    """One of them. They import what is heavy only when they run."""
    return importlib.import_module(f"{cli.__name__}.{name}")


def command_modules() -> list[ModuleType]:
    """All of them, by name."""
    return [load(name) for name in module_names()]


def command_name(module: str) -> str:
    """What a module's command is called."""
    return module.strip("_").replace("_", "-")


class Command(click.Command):
    """One command; its help ends with examples and exit codes as they are written."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self.module = module
        self.exclusive: Sequence[Sequence[str]] = getattr(module, "EXCLUSIVE", ())
        super().__init__(
            name,
            params=list(module.PARAMS),
            help=module.__doc__,
            short_help=module.HELP,
            callback=_callback(module),
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; of some parameters one at most may be given."""
        rest = super().parse_args(ctx, args)
        for group in self.exclusive:
            given = [name for name in group if ctx.params.get(name)]
            if len(given) > 1:
                names = " and ".join(f"--{name.replace('_', '-')}" for name in given)
                raise click.UsageError(f"{names} can't be given together", ctx)
        return rest

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Usage, what it does, arguments, options, examples, exit codes."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        for title, sort in (("Arguments", click.Argument), ("Options", click.Option)):
            found = (param.get_help_record(ctx) for param in self.get_params(ctx) if isinstance(param, sort))
            records = [record for record in found if record is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        self.format_epilog(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, and what the exit codes mean."""
        with formatter.section("Examples"):
            formatter.write("".join(f"  $ {line}\n" for line in self.module.EXAMPLES))
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in exit_codes(self.module).items()])


def exit_codes(module: ModuleType) -> dict[int, str]:
    """What the exit codes of a module's command mean."""
    return dict(sorted({**EXIT_CODES, **getattr(module, "EXIT_CODES", {})}.items()))


def _callback(module: ModuleType) -> Callable[..., int]:
    def work(**given: Any) -> int:
        form = "json" if given.get("json") else given.get("form", "table")
        terminal = Terminal(form=form)
        try:
            code: int = module.run(Arguments(**given), terminal)
        except ViaductError as error:
            terminal.error(error)
            return max(error.exit_code, getattr(module, "ERROR_EXIT_CODE", 0))
        return code

    return work


class Unread(click.Command):
    """A command whose arguments another program reads."""

    def __init__(self, module: ModuleType, name: str) -> None:
        def work(arguments: tuple[str, ...]) -> int:
            terminal = Terminal()
            try:
                code: int = module.run_unread(list(arguments))
            except ViaductError as error:
                terminal.error(error)
                return max(error.exit_code, 2)
            return code

        super().__init__(
            name,
            params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
            help=module.__doc__,
            short_help=module.HELP,
            callback=work,
            add_help_option=False,
            context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
        )
        self.module = module


class Commands(click.Group):
    """Commands by name, loaded when asked for."""

    def __init__(self, name: str, modules: Mapping[str, str], **rest: Any) -> None:
        super().__init__(name, **rest)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return sorted({*self.modules, *self.commands})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """One of them."""
        if name in self.commands:
            return self.commands[name]
        if name not in self.modules:
            return None
        module = load(self.modules[name])
        return Unread(module, name) if hasattr(module, "run_unread") else Command(module, name)


class Viaduct(Commands):
    """The whole command: listed by who uses what."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A section for each."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        for section, title in SECTIONS.items():
            rows = [
                (name, command.get_short_help_str(100))
                for name, command in found.items()
                if command is not None and _section(name, command) == section
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


def _section(name: str, command: click.Command) -> str:
    module = getattr(command, "module", None)
    return name if module is None else str(module.SECTION)


def build() -> Viaduct:
    """The whole command."""
    whole = Viaduct(
        "viaduct",
        {command_name(name): name for name in module_names()},
        help="One set of identities over many unmodified Keystones.",
        epilog="Each command's --help has an example. `viaduct completion bash` prints what a shell needs to "
        "complete these names.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    whole.params.append(
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_version,
            help="show the version",
        )
    )
    for name, (text, modules) in GROUPS.items():
        whole.add_command(
            Commands(name, modules, help=text, short_help=f"{text}: {', '.join(sorted(modules))}")
        )
    return whole


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"viaduct {__version__}")
        ctx.exit()
