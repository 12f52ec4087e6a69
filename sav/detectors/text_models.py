"""Which text model a detector was trained with, read from its file; detectors of fixed classes have none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sav.detectors.names import model_in, read_class_names
from sav.errors import CheckpointError
from sav.weights.file import open_checkpoint
from sav.weights.made import Made

_TASKS = "ultralytics.nn.tasks."
_WORLD, _YOLOE = (f"{_TASKS}WorldModel",), (f"{_TASKS}YOLOEModel", f"{_TASKS}YOLOESegModel")
# What YOLOEs were trained with before their files said so.
_FIRST_OF_YOLOE = "mobileclip:blt"
# Of a detector's own classes as many are named to somebody who wants others.
_SHOWN = 3


@dataclass(frozen=True)
class TextModel:
    """What turns words into vectors for a kind of detector.

    Attributes:
        name: What ultralytics calls it.
        detectors: What was trained with it.
        files: The official names of its files, the one that is downloaded first.
        is_quick: Whether it has OpenAI's approximate GELU.
    """

    name: str
    detectors: str
    files: tuple[str, ...]
    is_quick: bool = False

    def beside(self, checkpoint: Path) -> Path:
        """Where its file is looked for: in the folder of the detector's."""
        places = [checkpoint.parent / file for file in self.files]
        return next((place for place in places if place.exists()), places[0])


TEXT_MODELS = {
    model.name: model
    for model in (
        TextModel("clip:ViT-B/32", "YOLO-World", ("ViT-B-32.pt",), is_quick=True),
        TextModel("mobileclip:blt", "YOLOE v8 and 11", ("mobileclip_blt.pt", "mobileclip_blt.ts")),
        TextModel("mobileclip2:b", "YOLOE 26", ("mobileclip2_b.pt", "mobileclip2_b.ts")),
    )
}


def text_model_of(checkpoint: Path) -> TextModel:
    """The text model that a detector was trained with, read from its file without torch.

    Raises:
        CheckpointError: It cannot be told words.
    """
    with open_checkpoint(checkpoint) as opened:
        try:
            model = model_in(opened.tree)
        except ValueError as error:
            raise CheckpointError(f"{checkpoint} cannot be used as a detector: it {error}") from error
    state = model.state if isinstance(model.state, dict) else {}
    if model.maker in _WORLD:
        return TEXT_MODELS["clip:ViT-B/32"]
    if model.maker not in _YOLOE or _has_vocabulary(state):
        raise CheckpointError(
            f"{checkpoint} knows fixed classes{_examples(checkpoint)}; for words take a YOLO-World or YOLOE"
            " checkpoint, such as yolov8s-worldv2.pt or yoloe-11s-seg.pt"
        )
    settings = state.get("yaml")
    from_settings = settings.get("text_model") if isinstance(settings, dict) else None
    name = str(state.get("text_model") or from_settings or _FIRST_OF_YOLOE)
    if name not in TEXT_MODELS:
        raise CheckpointError(
            f"{checkpoint} was trained with the text model {name[:40]!r}, which is not known here"
        )
    return TEXT_MODELS[name]


def _has_vocabulary(state: dict[str, Any]) -> bool:
    """Whether a YOLOE's head finds fixed words: its own (`-pf`), or some that were fused into it."""
    layers = _members(_members(state).get("model"))
    head = list(layers.values())[-1] if layers else None
    attributes = head.state if isinstance(head, Made) and isinstance(head.state, dict) else {}
    return "lrpc" in _members(attributes) or attributes.get("is_fused") is True


def _members(layer: Any) -> dict[str, Any]:
    """The layers inside of one, of which the attributes are known."""
    state = layer.state if isinstance(layer, Made) else layer
    members = state.get("_modules") if isinstance(state, dict) else None
    return members if isinstance(members, dict) else {}


def _examples(checkpoint: Path) -> str:
    names = [*(read_class_names(checkpoint) or {}).values()]
    more = ", ..." if len(names) > _SHOWN else ""
    return f" ({', '.join(names[:_SHOWN])}{more})" if names else ""
