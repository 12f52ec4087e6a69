"""What the page may do, and for how much of the machine a visitor may ask; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sav.config import MAX_PICTURE_MEGAPIXELS

# Who listens on one of these is heard on this machine alone.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class WebConfig:
    """The settings of a page.

    Attributes:
        model_dir: Where the checkpoints are that visitors may choose from.
        device: What models run on, as `Segmenter.load` takes it.
        precision: How exactly SAM computes, likewise.
        host: The address to listen on.
        port: Its port; 0 for any that is free.
        password: What visitors must know; empty for none.
        max_megapixels: Million pixels above which a picture or frame is refused.
        max_seconds: Seconds above which a video is refused.
        max_megabytes: Million bytes above which a file is refused.
    """

    model_dir: Path = Path("model")
    device: str = "auto"
    precision: str = "auto"
    host: str = "127.0.0.1"
    port: int = 7860
    password: str = ""
    max_megapixels: float = min(50.0, MAX_PICTURE_MEGAPIXELS)
    max_seconds: float = 60.0
    max_megabytes: float = 200.0

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can ask for the page."""
        return self.host in LOOPBACK
