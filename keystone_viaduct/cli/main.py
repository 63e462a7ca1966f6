"""Entry point of ``viaduct``.

Each module of this package whose name does not begin with an underscore is a subcommand. It has ``HELP``, a
function ``configure(parser)`` that declares its arguments, and ``run(args, terminal)`` that returns the exit
code; its ``NAME`` is the module's if not given. One that hands its arguments on has ``run_unread(arguments)``
instead, which gets them as they are. Exit codes: 0 done, 1 something is wrong (or as the error
says), 2 nothing could be done: bad arguments, configuration or database.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
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
        command = commands.add_parser(_name(module), help=module.HELP, description=module.__doc__)
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        module.configure(command)
        command.set_defaults(run=module.run, error_exit_code=getattr(module, "ERROR_EXIT_CODE", None))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; an expected error becomes a message, a hint and an exit code."""
    args = _parse(sys.argv[1:] if argv is None else argv)
    terminal = Terminal(as_json=bool(getattr(args, "json", False)))
    try:
        code: int = args.run(args, terminal)
    except ViaductError as error:
        terminal.error(error)
        return max(error.exit_code, args.error_exit_code or 0)
    except KeyboardInterrupt:
        terminal.say_error("interrupted")
        return 130
    return code


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; those of a command that hands them on are not looked at: argparse would take options."""
    for module in command_modules():
        if argv[:1] == [_name(module)] and hasattr(module, "run_unread"):
            return argparse.Namespace(run=module.run, arguments=list(argv[1:]), error_exit_code=2)
    return build_parser().parse_args(argv)


def _name(module: ModuleType) -> str:
    return str(getattr(module, "NAME", module.__name__.rpartition(".")[2]))


if __name__ == "__main__":
    raise SystemExit(main())
