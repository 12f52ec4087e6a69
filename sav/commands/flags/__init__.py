"""The flags that several commands have, and the settings that they stand for; a file a group of them."""

from sav.commands.flags.annotations import (
    MOST_IDS,
    add_encoder_flag,
    add_save_flags,
    formats,
    idle_flags,
    save_options,
)
from sav.commands.flags.detection import add_detection_flags, detection_config, mask_config
from sav.commands.flags.models import (
    add_computing_flags,
    add_device_flag,
    add_device_flags,
    add_model_flags,
    add_sam_flag,
    fill_checkpoints,
    parse_models,
)
from sav.commands.flags.named import everything_config, refine_config
from sav.commands.flags.program import (
    add_general_flags,
    add_program_flags,
    add_resume_flag,
    add_worker_flags,
)

__all__ = [
    "MOST_IDS",
    "add_computing_flags",
    "add_detection_flags",
    "add_device_flag",
    "add_device_flags",
    "add_encoder_flag",
    "add_general_flags",
    "add_model_flags",
    "add_program_flags",
    "add_resume_flag",
    "add_sam_flag",
    "add_save_flags",
    "add_worker_flags",
    "detection_config",
    "everything_config",
    "fill_checkpoints",
    "formats",
    "idle_flags",
    "mask_config",
    "parse_models",
    "refine_config",
    "save_options",
]
