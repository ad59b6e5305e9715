"""From an emission to a transcript: which decoder reads it, and what stands at the end."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions, check_options, hotword_list
from wav2vec2_app.speech.spelling import Speller
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.alignment import align_words
from wav2vec2_app.worker.model.confidence import rate, transcript_confidence
from wav2vec2_app.worker.model.decoders import BeamDecoder, Decoder, GreedyDecoder
from wav2vec2_app.worker.model.lexicon import Lexicon
from wav2vec2_app.worker.model.release import return_memory
from wav2vec2_app.worker.model.speech import find_speech, only_speech

log = logging.getLogger(__name__)

KEPT_LEXICONS: Final = 3
"""Lexicons in memory at once: one for each vocabulary and list of hotwords lately asked for."""
NO_BEAM: Final = "Words are spelled without a language model on this system."


@dataclass(frozen=True)
class Read:
    """What an emission says; ``reason`` says why there are no words."""

    words: tuple[Word, ...]
    confidence: float
    decoder: str
    reason: str = ""
    note: str = ""


class Reader:
    """Reads emissions, with a beam where there is a language model for it.

    Args:
        language_model: folder of :class:`Lexicon`.
    """

    def __init__(self, language_model: Path) -> None:
        self._folder = language_model
        self._lexicons: OrderedDict[Hashable, Lexicon] = OrderedDict()
        self._no_beam = ""

    @property
    def note(self) -> str:
        """What a person should know of this system's decoders; empty if all is there."""
        return self._no_beam

    def warm_up(self, emission: Emission) -> None:
        """Build the lexicon for emissions like this one."""
        self._lexicon(emission, ())
        return_memory()  # of the lists that the lexicon was built from

    def read(self, emission: Emission, decoding: DecodingOptions, *, embedded: bool) -> Read:
        """Decode ``emission`` as ``decoding`` says; ``embedded`` decides what ``auto`` is.

        Raises:
            InputError: ``decoding`` has values that make no sense, or a decoder that cannot be had.
        """
        checked = replace(check_options(decoding), hotwords=hotword_list(decoding))
        decoder = self._decoder(emission, checked, embedded=embedded)
        wished_beam = checked.decoder == "auto" and (embedded or checked.hotwords)
        note = self._no_beam if wished_beam and decoder.name == "greedy" else ""
        heard = emission
        if emission.energy_db is not None:
            activity = find_speech(emission, emission.energy_db)
            if not activity.segments:
                return Read((), 0.0, decoder.name, activity.reason, note)
            heard = only_speech(emission, activity)
        decoded = decoder.decode(penalize_blank(heard, checked.blank_penalty))
        words = align_words(heard, decoded.words, speller_of(heard), rate, decoded.leads)
        reason = "" if words else "no_speech"
        return Read(words, transcript_confidence(words), decoder.name, reason, note)

    def _decoder(self, emission: Emission, decoding: DecodingOptions, *, embedded: bool) -> Decoder:
        if decoding.decoder == "greedy":
            return GreedyDecoder()
        if decoding.decoder == "auto" and not (embedded or decoding.hotwords):
            return GreedyDecoder()
        lexicon = self._lexicon(emission, decoding.hotwords)
        if lexicon is not None:
            return BeamDecoder(lexicon, decoding, self._unbiased(emission, decoding))
        if decoding.decoder == "auto":
            return GreedyDecoder()
        raise InputError(
            "There is no beam decoder on this system.",
            code="decoder.not_available",
            hint="Choose the greedy decoder; flashlight-text is not built for every system.",
        )

    def _unbiased(self, emission: Emission, decoding: DecodingOptions) -> BeamDecoder | None:
        """A beam without ``decoding``'s hotwords; ``None`` if it has none."""
        if not decoding.hotwords:
            return None
        plain = self._lexicon(emission, ())
        if plain is None:
            return None
        width = max(1, decoding.beam_width // 2)  # rivals that matter are near the top
        return BeamDecoder(plain, replace(decoding, hotwords=(), beam_width=width))

    def _lexicon(self, emission: Emission, hotwords: tuple[str, ...]) -> Lexicon | None:
        """The lexicon for this vocabulary and these hotwords; ``None`` where there can be none."""
        if self._no_beam:
            return None
        key = (emission.vocabulary, emission.blank_id, emission.word_delimiter, hotwords)
        lexicon = self._lexicons.get(key)
        if lexicon is None:
            try:
                lexicon = Lexicon(self._folder, emission, hotwords)
            except (ImportError, OSError) as error:
                log.warning("no beam, the greedy decoder answers: %s", error)
                self._no_beam = NO_BEAM
                return None
            while len(self._lexicons) >= KEPT_LEXICONS:
                self._lexicons.popitem(last=False)
            self._lexicons[key] = lexicon
        self._lexicons.move_to_end(key)
        return lexicon


def speller_of(emission: Emission) -> Speller:
    """Spells text in the tokens of ``emission``."""
    return Speller(
        emission.vocabulary, emission.blank_id, emission.word_delimiter, frozenset(emission.special)
    )


def penalize_blank(emission: Emission, penalty: float) -> Emission:
    """``emission`` with ``penalty`` subtracted from the blank's log-probability in each frame."""
    if not penalty:
        return emission
    log_probs = emission.log_probs.copy()
    log_probs[:, emission.blank_id] -= penalty
    return replace(emission, log_probs=log_probs)
