"""Worker processes behind typed requests: frames over stdio, health checks, restarts, errors."""
