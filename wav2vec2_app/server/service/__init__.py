"""The service that owns a model's life."""
