"""What makes and measures the program: the rendered world with its trainings, and the benchmarks."""
