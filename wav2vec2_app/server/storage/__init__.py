"""What outlives a request: the history, in SQLite."""
