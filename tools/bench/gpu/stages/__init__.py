"""The stages, a module each with `figures(lab)`, which yields the rows; the most important come first."""

# Seconds that each may take.
STAGES = {
    "tests": 150,
    "encoder": 60,
    "everything": 40,
    "boxes": 40,
    "embed": 20,
    "detector": 60,
    "track": 90,
    "seg": 60,
    "demo": 60,
    "start": 40,
    "agreement": 60,
    "compiled": 150,
    "upstream": 60,
}
