"""Show a page in the browser: drop a picture or a short video, see, click and download what is found."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sav.commands import cli, flags
from sav.commands.arguments import Parser, above_zero, place, whole
from sav.commands.console import tell, tell_note
from sav.errors import DONE, PackageMissingError
from sav.interrupts import working
from sav.web.config import WebConfig

_LAST_PORT = 65_535
_PASSWORD = "SAV_WEB_PASSWORD"


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    usual = WebConfig()
    parser = Parser(main_flag="--model_dir", description=__doc__)
    group = parser.add_argument_group("models")
    group.add_argument("--model_dir", type=place, default=str(usual.model_dir), metavar="FOLDER",
                       help="where the checkpoints are that visitors choose from"
                            " (default: %(default)s)")  # fmt: skip
    flags.add_device_flags(group)
    group = parser.add_argument_group("who may come")
    group.add_argument("--host", default=usual.host, metavar="ADDRESS",
                       help="the address to listen on: 0.0.0.0 is heard on the whole network"
                            " (default: %(default)s, this machine alone)")  # fmt: skip
    group.add_argument("--port", type=whole(0, _LAST_PORT), default=usual.port, metavar="N",
                       help="its port; 0 takes one that is free (default: %(default)s)")  # fmt: skip
    group.add_argument("--password", default=os.environ.get(_PASSWORD, ""), metavar="WORD",
                       help=f"what visitors must know, with any user's name; {_PASSWORD} in the environment"
                            " is the same, and not seen by others on this machine")  # fmt: skip
    group = parser.add_argument_group("how much a visitor may ask for")
    group.add_argument("--max_megapixels", type=above_zero, default=usual.max_megapixels, metavar="N",
                       help="million pixels above which a picture or frame is refused"
                            " (default: %(default)g)")  # fmt: skip
    group.add_argument("--max_seconds", type=above_zero, default=usual.max_seconds, metavar="N",
                       help="seconds above which a video is refused (default: %(default)g)")  # fmt: skip
    group.add_argument("--max_megabytes", type=above_zero, default=usual.max_megabytes, metavar="N",
                       help="million bytes above which a file is refused (default: %(default)g)")  # fmt: skip
    flags.add_program_flags(parser.add_argument_group("general"))
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from sav.commands.preflight import check_device

    check_device(args.device)
    config = WebConfig(
        model_dir=Path(args.model_dir),
        device=args.device,
        precision=args.precision,
        host=args.host,
        port=args.port,
        password=args.password,
        max_megapixels=args.max_megapixels,
        max_seconds=args.max_seconds,
        max_megabytes=args.max_megabytes,
    )
    try:
        from sav.web.server import serving
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sav"):
            raise
        raise PackageMissingError(f"the page needs Gradio ({error}): pip install gradio") from None

    with serving(config) as site:
        if not config.is_local and not config.password:
            tell_note("everybody on the network can use this page; --password keeps strangers out")
        tell(f"open {site.address} in a browser; Ctrl-C ends it, and removes what was handed in")
        try:
            with working():
                site.run()
        except KeyboardInterrupt:
            pass
    return DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when Ctrl-C ends it, 2 if it cannot begin."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)
