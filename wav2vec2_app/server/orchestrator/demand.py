"""What a step uses while it runs, estimated from the length of its audio."""

from __future__ import annotations

from collections.abc import Mapping

from wav2vec2_app.server.operations import Operation, Step
from wav2vec2_app.server.orchestrator.slots import NOTHING, Demand
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ

SPOOLED_S = 60
"""Samples longer than this stay in a memory-mapped file, seconds (``service/spool.py``)."""
SAMPLE_BYTES = 4 * SAMPLE_RATE_HZ
"""Samples of one second, float32."""
EMISSION_BYTES = 50 * 32 * 4
"""Emission of one second: 50 frames of 32 symbols, float32."""
FEATURE_BYTES = 100 * (80 + 13 + 3) * 4
"""Acoustic features of one second: 100 frames of mel bands, cepstral coefficients and contours."""
VOICE_BYTES = 2 * 256 * 4
"""Voice embeddings of one second: two windows of 256 numbers, float32."""

_BYTES_PER_S: Mapping[Operation, int] = {
    Operation.TRANSCRIBE: EMISSION_BYTES,
    Operation.DECODE_TEXT: EMISSION_BYTES,
    Operation.ALIGN: EMISSION_BYTES,
    Operation.SEARCH: EMISSION_BYTES,
    Operation.LABEL_SPEAKERS: VOICE_BYTES,
    Operation.ANALYZE: FEATURE_BYTES,
    Operation.MEASURE: 2 * FEATURE_BYTES,
    Operation.DRAW: FEATURE_BYTES,
}


def demand_of(step: Step, audio_s: float) -> Demand:
    """Memory and audio of a step on ``audio_s`` seconds of audio."""
    if audio_s <= 0:
        return NOTHING
    samples = SAMPLE_BYTES * min(audio_s, SPOOLED_S)
    return Demand(int(samples + _BYTES_PER_S.get(step.operation, 0) * audio_s), audio_s)
