"""Interactive speech recognition around wav2vec2."""

__version__ = "0.1.0"
