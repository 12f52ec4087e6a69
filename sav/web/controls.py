"""What a visitor hands in and chooses, in Gradio's parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from sav.looks import PARTS, DrawConfig
from sav.web.config import WebConfig
from sav.web.models import Checkpoints
from sav.web.work import Wish

_LABELLED, _EVERYTHING = "Only what has a name", "Everything"
_MOST_LETTERS = 2000


@dataclass(frozen=True)
class Controls:
    """The parts, each a component of Gradio's.

    Attributes:
        file: Where a file is dropped.
        detector: A list of detectors.
        sam: A list of SAMs.
        words: What the detector is told to find, where it can be told.
        classes: A list of the detector's classes.
        extent: Only what has a name, or everything.
        parts: What is drawn on a picture.
        start: The button that begins.
        stop: The button that ends.
    """

    file: Any
    detector: Any
    sam: Any
    words: Any
    classes: Any
    extent: Any
    parts: Any
    start: Any
    stop: Any

    @property
    def wishes(self) -> list[Any]:
        """The parts that `wish` is made of, in order."""
        return [*self.models, self.classes, self.extent]

    @property
    def models(self) -> list[Any]:
        """The parts that say which models are at work."""
        return [self.detector, self.sam, self.words]


def wish(detector: str, sam: str, words: str, classes: list[str], extent: str) -> Wish:
    """What is chosen, out of the values of `Controls.wishes`."""
    return Wish(detector, sam, words or "", tuple(classes or ()), extent == _EVERYTHING)


def make_controls(config: WebConfig, there: Checkpoints) -> Controls:
    """Put the parts where the page is at; the list of classes follows the detector."""
    usual_detector, usual_sam = there.usual
    file = gr.File(label="Picture or short video", file_count="single", height=120, elem_id="sav-file")
    gr.HTML(
        f"<small>Up to {config.max_megapixels:g} megapixels, {config.max_seconds:g} seconds,"
        f" {config.max_megabytes:g} MB. Gone an hour after its last use.</small>"
    )
    detector = gr.Dropdown(list(there.detectors), value=usual_detector, label="Detector")
    sam = gr.Dropdown(list(there.sams), value=usual_sam, label="SAM")
    words = gr.Textbox(
        label="Words", info="in place of classes: red bus, dog on a leash", max_length=_MOST_LETTERS,
        visible=usual_detector in there.take_words,
    )  # fmt: skip
    classes = gr.Dropdown(
        _classes(there, usual_detector), multiselect=True, label="Classes", info="none chosen means all"
    )
    extent = gr.Radio([_LABELLED, _EVERYTHING], value=_LABELLED, label="Find")
    with gr.Row():
        start = gr.Button("Segment", variant="primary", min_width=80, elem_id="sav-start", interactive=False)
        stop = gr.Button("Stop", variant="stop", min_width=80, elem_id="sav-stop", interactive=False)
    with gr.Accordion("More", open=False):
        usual = [part for part in PARTS if getattr(DrawConfig(), part)]
        parts = gr.CheckboxGroup([*PARTS], value=usual, label="Drawn on a picture")

    detector.change(
        lambda name: [
            gr.update(visible=name in there.take_words),
            gr.update(choices=_classes(there, name), value=[]),
        ],
        detector,
        [words, classes],
        show_progress="hidden",
        api_visibility="private",
    )
    return Controls(file, detector, sam, words, classes, extent, parts, start, stop)


def _classes(there: Checkpoints, detector: str) -> list[str]:
    return sorted(set(there.detectors.get(detector, {}).values()), key=str.casefold)
