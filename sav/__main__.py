"""`python -m sav COMMAND ...`: all commands under one name."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

from sav.commands import COMMANDS

_USAGE = "usage: python -m sav COMMAND ...\n\ncommands:\n"


def main() -> NoReturn:
    """Run the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("", "-h", "--help"):
        print(_USAGE + "\n".join(f"  {command:<10}{what}" for command, what in COMMANDS.items()))
        raise SystemExit(0 if name else 2)
    if name not in COMMANDS:
        print(f"error: there is no command '{name}'; take {', '.join(COMMANDS)}", file=sys.stderr)
        raise SystemExit(2)
    sys.argv[:2] = [f"python -m sav {name}"]
    import_module(f"sav.commands.{name}").script()
    raise SystemExit


if __name__ == "__main__":
    main()
