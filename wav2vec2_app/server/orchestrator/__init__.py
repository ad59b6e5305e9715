"""Admits tasks, queues them, runs their graphs of steps on adapters and publishes events."""
