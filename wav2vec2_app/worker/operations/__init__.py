"""What a worker does, by role."""
