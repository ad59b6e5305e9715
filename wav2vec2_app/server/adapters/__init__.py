"""Model adapters: one interface over every model that can answer a task."""
