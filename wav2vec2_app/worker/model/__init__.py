"""The model: which checkpoint, on which engine, and how its emission is read."""
