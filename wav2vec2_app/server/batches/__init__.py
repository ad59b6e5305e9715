"""Batches: many files, transcribed in the background; they survive a restart of the server."""
