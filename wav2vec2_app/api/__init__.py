"""Plain HTTP: health, metrics and the OpenAI-compatible transcription routes."""
