"""Watching the application: metrics, logs and memory. The orchestrator does not know of it."""
