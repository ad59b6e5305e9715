"""The steps that tasks are made of, and what callers may want of a task."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import DecodingOptions


class Operation(str, Enum):
    """What an adapter can do."""

    PROBE = "probe"
    DECODE_AUDIO = "decode_audio"
    TRANSCRIBE = "transcribe"
    DECODE_TEXT = "decode_text"
    ALIGN = "align"
    ANALYZE = "analyze"
    MEASURE = "measure"
    DRAW = "draw"
    EXPLORE = "explore"
    DESCRIBE = "describe"
    SEARCH = "search"
    LABEL_SPEAKERS = "label_speakers"


@dataclass(frozen=True)
class Target:
    """Which adapter, which model and which decoding options a step is for.

    ``adapter`` is empty where any adapter will do; ``model`` may be :data:`AUTO_MODEL`; ``decoding`` is
    ``None`` for the options of the task.
    """

    adapter: str = ""
    model: str = AUTO_MODEL
    decoding: DecodingOptions | None = None


ANY_TARGET = Target()


@dataclass(frozen=True)
class Step:
    """One node of a task's graph: an operation, and the adapter, model and options that it is for.

    Steps are the keys everywhere, so that one task can have several transcripts by different models or
    decoders. Steps that depend on no model have :data:`ANY_TARGET`.
    """

    operation: Operation
    target: Target = ANY_TARGET

    def __str__(self) -> str:
        return self.operation.value


class Want(str, Enum):
    """What a caller wants to have at the end."""

    TRANSCRIPT = "transcript"
    ALIGNMENT = "alignment"
    FEATURES = "features"
    ACOUSTICS = "acoustics"
    PICTURES = "pictures"
    EXPLORATION = "exploration"
    DESCRIPTION = "description"
    HITS = "hits"
    SPEAKERS = "speakers"
