"""Which model answers."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ

AUTO_MODEL = "auto"
"""The name that leaves the choice of the model to the application."""


EMBEDDED = "embedded"
"""The name, and the source, of the checkpoint that comes with the application."""


@dataclass(frozen=True)
class ModelInfo:
    """Which model answers and where it runs.

    ``source`` is one of ``embedded``, ``cache`` (the hub's cache on disk) or ``folder``.
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
    """A model a person may choose; ``ready`` means its weights are on this machine already."""

    name: str
    label: str
    ready: bool
