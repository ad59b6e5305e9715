"""Admits tasks, queues them, runs their graphs on adapters and tells of it as events."""
