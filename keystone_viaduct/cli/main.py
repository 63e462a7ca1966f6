"""Entry point of ``viaduct``.

Each module of this package whose name does not begin with an underscore is a subcommand. It has ``HELP``, a
function ``configure(parser)`` that declares its arguments, and ``run(args, terminal)`` that returns the exit
code; its ``NAME`` is the module's if not given. Exit codes: 0 done, 1 something is wrong (or as the error
says), 2 nothing could be done: bad arguments, configuration or database.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType

from keystone_viaduct import __version__, cli
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ViaductError


def command_modules() -> list[ModuleType]:
    """The modules of all subcommands, by name. They import what is heavy only when they run."""
    names = [item.name for item in pkgutil.iter_modules(cli.__path__)]
    wanted = [name for name in names if name != "main" and not name.startswith("_")]
    return [importlib.import_module(f"{cli.__name__}.{name}") for name in wanted]


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    parser = argparse.ArgumentParser(
        prog="viaduct", description="One set of identities over many unmodified Keystones."
    )
    parser.add_argument("--version", action="version", version=f"viaduct {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in command_modules():
        name = getattr(module, "NAME", module.__name__.rpartition(".")[2])
        command = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        module.configure(command)
        command.set_defaults(run=module.run, error_exit_code=getattr(module, "ERROR_EXIT_CODE", None))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; an expected error becomes a message, a hint and an exit code."""
    args = build_parser().parse_args(argv)
    terminal = Terminal(as_json=bool(getattr(args, "json", False)))
    try:
        code: int = args.run(args, terminal)
    except ViaductError as error:
        terminal.error(error)
        return args.error_exit_code or error.exit_code
    except KeyboardInterrupt:
        terminal.say_error("interrupted")
        return 130
    return code


if __name__ == "__main__":
    raise SystemExit(main())
