"""Synthesis of the results of several models into one."""

from __future__ import annotations

from collections.abc import Mapping

from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.speech.rover import synthesize
from wav2vec2_app.speech.synthesis import DEFAULT_SYNTHESIS, Synthesis, SynthesisOptions
from wav2vec2_app.speech.transcript import Recognition


class ResultSynthesizer:
    """Makes one transcript of several, whatever recognisers they come from.

    Args:
        options: weights, threshold and what happens where transcripts differ.
    """

    def __init__(self, options: SynthesisOptions = DEFAULT_SYNTHESIS) -> None:
        self._options = options

    async def synthesize(self, results: Mapping[str, Recognition]) -> Synthesis:
        """One transcript of ``results``, which have names, in the order in which they were finished.

        That of long recordings is made in a thread.

        Raises:
            InputError: ``synthesis.no_transcripts``, ``synthesis.below_threshold``,
                ``synthesis.unknown_model``, ``synthesis.zero_weights``.
        """
        transcripts = {name: result.transcript for name, result in results.items()}
        audio_s = sum(transcript.duration_s for transcript in transcripts.values())
        return await off_loop(audio_s, synthesize, transcripts, self._options)
