"""The stages, a module each.

A stage's module has `REFERENCE`, what ours is compared with, in words, and five functions:

* `cases(options)`: the rows of the table;
* `ours(options, case)` and `theirs(options, case)`: each side's `Task`, made in that side's own process;
* `agreement(ours, theirs)`: whether the tasks' evidence agrees;
* `figures(case, seconds, evidence, hardware)`: what else follows from our median and evidence, by name.
"""

STAGES = (
    "encoder", "boxes", "everything", "drawing", "annotations", "store", "decode", "encode", "trackers",
    "refine", "startup", "track", "seg",
)  # fmt: skip
