"""Model adapters: one interface over whatever answers a task."""
