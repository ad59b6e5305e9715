"""The service that owns the lifecycle of a model."""
