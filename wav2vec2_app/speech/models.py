"""Identifies models: the one that was used, and those that can be chosen."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ

AUTO_MODEL = "auto"
"""Name with which the application chooses the model."""

EMBEDDED = "embedded"
"""Name and source of the checkpoint that is part of the application."""


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model, and what it runs on.

    ``source`` is ``embedded``, ``cache`` (the hub's cache on disk) or ``folder``; ``note`` is a sentence for
    users about a fallback, or empty.
    """

    name: str
    source: str
    engine: str
    device: str
    precision: str
    parameters: int
    size_bytes: int
    sample_rate_hz: int = SAMPLE_RATE_HZ
    note: str = ""


@dataclass(frozen=True)
class ModelChoice:
    """A model that can be chosen; it is ``ready`` if its weights are on this machine."""

    name: str
    label: str
    ready: bool
