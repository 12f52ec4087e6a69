"""Files to evaluate."""

from tests.evaluate.conftest import coco, mot

__all__ = ["coco", "mot"]
