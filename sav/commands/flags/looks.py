"""The flags that say what is drawn, and how, of the scripts that draw."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from sav.commands.arguments import Several, listed, one_of, share
from sav.errors import SettingError
from sav.looks import LABELLED_WITH, PARTS, DrawConfig

# What is drawn if nothing is said.
USUAL = "masks, contours, labels, regions, and in videos boxes"
# What labels say beside the class where that stands alone.
NOTHING = "nothing"


def add_looks_flags(group: argparse._ActionsContainer, usually: str) -> None:
    """Flags that say what is drawn; `usually` is what they stand for if they are not given."""
    group.add_argument("--draw", nargs="+", action=Several, type=listed(one_of(PARTS)), metavar="PART",
                       help=f"what is drawn, and nothing else: {', '.join(PARTS)}, between blanks or commas"
                            f" (default: {usually})")  # fmt: skip
    group.add_argument("--opacity", type=share, default=DrawConfig().opacity, metavar="SHARE",
                       help="how strongly objects are tinted, 0 to 1 (default: %(default)s)")  # fmt: skip
    group.add_argument("--region_opacity", type=share, default=DrawConfig().region_opacity, metavar="SHARE",
                       help="the same of what has no name (default: %(default)s)")  # fmt: skip
    group.add_argument("--label_with", nargs="+", action=Several, metavar="WHAT",
                       type=listed(one_of((*LABELLED_WITH, NOTHING))),
                       help=f"what labels say beside the class: {', '.join(LABELLED_WITH)}, or {NOTHING}"
                            " (default: scores, and in videos ids)")  # fmt: skip
    group.add_argument("--text_share", type=share, default=DrawConfig().text_share, metavar="SHARE",
                       help="height of the labels' text as a share of the picture's shorter side; smaller"
                            " where many labels would hide too much (default: %(default)s)")  # fmt: skip


def only(parts: Sequence[str]) -> dict[str, Any]:
    """The settings of a drawing that has these of `PARTS` alone."""
    return {part: part in parts for part in PARTS}


def draw_config(args: argparse.Namespace) -> DrawConfig:
    """How the overlays look, out of parsed flags.

    Raises:
        SettingError: If labels are to say nothing else, and something.
    """
    parts = only(args.draw) if args.draw else {}
    if args.label_with:
        if NOTHING in args.label_with and len(args.label_with) > 1:
            raise SettingError(f"--label_with {NOTHING} stands alone")
        parts |= {name: name in args.label_with for name in LABELLED_WITH}
    return DrawConfig(
        opacity=args.opacity, region_opacity=args.region_opacity, text_share=args.text_share, **parts
    )
