"""Rendered street scenes with exact masks, and the training of the demo checkpoints on them."""
