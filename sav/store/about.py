"""What a run was about, to be told later: its settings, models, classes and source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from sav.media.colors import ColorTags
from sav.media.video import VideoInfo

# Bytes that are read at each of three places of a video to know it again.
_SAMPLE = 1 << 20


@dataclass(frozen=True)
class Source:
    """Where the frames of a video come from.

    Attributes:
        path: The file or folder, or an address as others may see it.
        content: What stands for its content, see `source_content`; empty for what cannot be read again.
        start: The first frame, as the user wrote it.
        end: The first frame that is not wanted, likewise.
        stride: Of the frames between, every how many.
    """

    path: str = ""
    content: str = ""
    start: str | None = None
    end: str | None = None
    stride: int = 1


@dataclass(frozen=True, kw_only=True)
class About:
    """What the scenes of one run are of, and how they were made. Two runs that are equal find the same.

    Attributes:
        categories: Every class that the detector knows, id to name.
        settings: What was chosen that changes what is found; anything that JSON holds.
        checkpoints: Each model's SHA-256.
        video: The video's properties, without its sound; None for pictures.
        source: Where the video's frames come from.
    """

    categories: Mapping[int, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    video: VideoInfo | None = None
    source: Source = Source()

    def to_json(self) -> str:
        """All of it; the same text for the same run."""
        table = {
            "categories": list(self.categories.items()),
            "settings": self.settings,
            "checkpoints": self.checkpoints,
            "video": self.video and _video_table(self.video),
            "source": asdict(self.source),
        }
        return json.dumps(table, sort_keys=True)  # ASCII: paths need not be UTF-8

    @classmethod
    def from_json(cls, text: str) -> About:
        """What `to_json` wrote.

        Raises:
            ValueError: It did not.
        """
        try:
            table = json.loads(text)
            about = cls(
                categories=dict(table["categories"]),
                settings=dict(table["settings"]),
                checkpoints=dict(table["checkpoints"]),
                video=table["video"] and _video(table["video"]),
                source=Source(**table["source"]),
            )
        except (AttributeError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
            raise ValueError("not what a run was about") from error
        if not about._is_sound:
            raise ValueError("not what a run was about")
        return about

    @property
    def _is_sound(self) -> bool:
        """Whether the values have the types that they should: JSON takes any."""
        texts = [*self.categories.values(), *self.checkpoints.values(), self.source.path, self.source.content]
        numbers = [*self.categories, self.source.stride]
        if self.video is not None:
            texts += [self.video.name, *self.video.stems.keys(), *self.video.stems.values()]
            numbers += self.video.size_hw
        return all(isinstance(text, str) for text in texts) and {int}.issuperset(map(type, numbers))


def source_content(path: Path) -> str:
    """What stands for a video's content, in a moment however long it is; of a folder, for what is in it.

    A file is known by its size and some of its bytes, a folder by the names and sizes in it.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    if path.is_dir():
        inside = sorted(item for item in path.iterdir() if item.is_file())
        digest.update(ascii([(item.name, item.stat().st_size) for item in inside]).encode())
        return f"{len(inside)}-{digest.hexdigest()}"

    size = path.stat().st_size
    with path.open("rb") as file:
        for begin in (0, size // 2, max(0, size - _SAMPLE)):
            file.seek(begin)
            digest.update(file.read(_SAMPLE))
    return f"{size}-{digest.hexdigest()}"


def _video_table(info: VideoInfo) -> dict[str, Any]:
    return {
        "size_hw": list(info.size_hw),
        "frame_rate": str(info.frame_rate),
        "time_base": str(info.time_base),
        "name": info.name,
        "frame_count": info.frame_count,
        "sample_aspect_ratio": str(info.sample_aspect_ratio),
        "colors": asdict(info.colors),
        "origin": str(info.origin),
        "is_live": info.is_live,
        "stems": dict(info.stems),
    }


def _video(table: Mapping[str, Any]) -> VideoInfo:
    height, width = table["size_hw"]
    exact = ("frame_rate", "time_base", "sample_aspect_ratio", "origin")
    return VideoInfo(
        **{
            **table,
            "size_hw": (height, width),
            **{name: Fraction(table[name]) for name in exact},
            "colors": ColorTags(**table["colors"]),
        }
    )
