"""The flags that say what is drawn, and how, of the scripts that draw."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from sav.commands.arguments import Several, listed, one_of, share
from sav.looks import PARTS, DrawConfig

# What is drawn if nothing is said.
USUAL = "masks, contours, labels, regions, and in videos boxes"


def add_looks_flags(group: argparse._ActionsContainer, usually: str) -> None:
    """Flags that say what is drawn; `usually` is what they stand for if they are not given."""
    group.add_argument("--draw", nargs="+", action=Several, type=listed(one_of(PARTS)), metavar="PART",
                       help=f"what is drawn, and nothing else: {', '.join(PARTS)}, between blanks or commas"
                            f" (default: {usually})")  # fmt: skip
    group.add_argument("--opacity", type=share, default=DrawConfig().opacity, metavar="SHARE",
                       help="how strongly objects are tinted, 0 to 1 (default: %(default)s)")  # fmt: skip
    group.add_argument("--text_share", type=share, default=DrawConfig().text_share, metavar="SHARE",
                       help="height of the labels' text as a share of the picture's shorter side; smaller"
                            " where many labels would hide too much (default: %(default)s)")  # fmt: skip


def only(parts: Sequence[str]) -> dict[str, Any]:
    """The settings of a drawing that has these of `PARTS` alone."""
    return {part: part in parts for part in PARTS}


def draw_config(args: argparse.Namespace) -> DrawConfig:
    """How the overlays look, out of parsed flags."""
    parts = only(args.draw) if args.draw else {}
    return DrawConfig(opacity=args.opacity, text_share=args.text_share, **parts)
