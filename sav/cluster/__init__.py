"""Work shared out among many workers, on one machine or many, by Ray (https://docs.ray.io)."""
