"""`python -m sav COMMAND ...`: all commands under one name."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

from sav.commands import COMMANDS, cli
from sav.commands.console import tell, tell_error
from sav.errors import DONE, FAILED

_USAGE = "usage: python -m sav COMMAND ...\n\ncommands:\n"


def main() -> NoReturn:
    """Run the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        cli.script(lambda: _explain(name))
    sys.argv[:2] = [f"python -m sav {name}"]
    import_module(f"sav.commands.{name}").script()
    raise SystemExit


def _explain(name: str) -> NoReturn:
    """Say which commands there are; as argparse does, the status is 0 only for who asked for that."""
    if name in ("", "-h", "--help"):
        tell(_USAGE + "\n".join(f"  {command:<10}{what}" for command, what in COMMANDS.items()))
        raise SystemExit(DONE if name else FAILED)
    tell_error(f"there is no command '{name}'; take {', '.join(COMMANDS)}")
    raise SystemExit(FAILED)


if __name__ == "__main__":
    main()
