"""What a GPU does, row by row: `tools/gpu_check.sh`, which runs `python -m tools.bench.gpu`."""
