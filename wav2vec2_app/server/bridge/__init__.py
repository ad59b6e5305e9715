"""Worker processes behind one call: frames over stdio, health, restarts, errors."""
