"""Decodes an emission to a transcript: selects the decoder, and finds speech, word times and confidences."""

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
from wav2vec2_app.speech.tokenization import TextTokenizer
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.alignment import align_words
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.confidence import rate, transcript_confidence
from wav2vec2_app.worker.model.decoders import BeamDecoder, Decoder, GreedyDecoder
from wav2vec2_app.worker.model.lexicon import Lexicon
from wav2vec2_app.worker.model.release import return_memory
from wav2vec2_app.worker.model.speech_activity import find_speech, mask_non_speech

log = logging.getLogger(__name__)

MAX_CACHED_LEXICONS: Final = 3
"""Lexicons in memory: one for each vocabulary and list of hotwords, least recently used evicted first."""
NO_BEAM: Final = (
    "Beam search is not available on this system: words are decoded without a language model."
)


@dataclass(frozen=True)
class DecodedTranscript:
    """The words of an emission and how they were found.

    Attributes:
        words: in order, with times and confidences.
        confidence: expected share of right words, in [0, 1].
        decoder: ``greedy`` or ``beam``.
        reason: why there are no words, ``silence`` or ``no_speech``; empty if there are.
        note: set if another decoder than intended was used, and why.
    """

    words: tuple[Word, ...]
    confidence: float
    decoder: str
    reason: str = ""
    note: str = ""


class EmissionDecoder:
    """Decodes emissions, with beam search if there is a language model.

    Args:
        language_model: folder of :class:`Lexicon`.
    """

    def __init__(self, language_model: Path) -> None:
        self._folder = language_model
        self._lexicons: OrderedDict[Hashable, Lexicon] = OrderedDict()
        self._no_beam = ""

    @property
    def note(self) -> str:
        """Why beam search is not available; empty if it is, or has not been used yet."""
        return self._no_beam

    def warm_up(self, emission: Emission) -> None:
        """Build the lexicon for the vocabulary of ``emission``."""
        self._lexicon(emission, ())
        return_memory()  # of the lists that the lexicon was built from

    def language_of(self, emission: Emission, options: DecodingOptions) -> Lexicon | None:
        """The lexicon and language model that a beam search with ``options`` uses; ``None`` without them.

        Raises:
            InputError: ``decoder.wrong_language``, the vocabulary cannot spell its words.
        """
        return self._lexicon(emission, hotword_list(options))

    def decode(
        self,
        emission: Emission,
        options: DecodingOptions,
        *,
        embedded: bool,
        check: CheckCancelled = never_cancelled,
    ) -> DecodedTranscript:
        """Decode ``emission``; decoder ``auto`` is the beam if ``embedded`` or if there are hotwords.

        ``check`` is called between the steps.

        Raises:
            InputError: an option is invalid, or its decoder is not available.
        """
        checked = replace(check_options(options), hotwords=hotword_list(options))
        check()
        decoder = self._decoder(emission, checked, embedded=embedded, check=check)
        beam_expected = checked.decoder == "auto" and (embedded or checked.hotwords)
        note = self._no_beam if beam_expected and decoder.name == "greedy" else ""
        speech = emission
        if emission.energy_db is not None:
            activity = find_speech(emission, emission.energy_db)
            if not activity.segments:
                return DecodedTranscript((), 0.0, decoder.name, activity.reason, note)
            speech = mask_non_speech(emission, activity)
        decoded = decoder.decode(penalize_blank(speech, checked.blank_penalty), check)
        words = align_words(speech, decoded.words, tokenizer_of(speech), rate, decoded.leads, check)
        reason = "" if words else "no_speech"
        return DecodedTranscript(words, transcript_confidence(words), decoder.name, reason, note)

    def _decoder(
        self,
        emission: Emission,
        options: DecodingOptions,
        *,
        embedded: bool,
        check: CheckCancelled,
    ) -> Decoder:
        if options.decoder == "greedy":
            return GreedyDecoder()
        if options.decoder == "auto" and not (embedded or options.hotwords):
            return GreedyDecoder()
        lexicon = self._lexicon(emission, options.hotwords, check)
        if lexicon is not None:
            return BeamDecoder(lexicon, options, self._without_hotwords(emission, options, check))
        if options.decoder == "auto":
            return GreedyDecoder()
        raise InputError(
            "Beam search is not available on this system.",
            code="decoder.not_available",
            hint="Choose the greedy decoder; flashlight-text is not built for every system.",
        )

    def _without_hotwords(
        self, emission: Emission, options: DecodingOptions, check: CheckCancelled
    ) -> BeamDecoder | None:
        """A beam decoder without the hotwords of ``options``; ``None`` if it has none."""
        if not options.hotwords:
            return None
        lexicon = self._lexicon(emission, (), check)
        if lexicon is None:
            return None
        width = max(1, options.beam_width // 2)  # the rivals that matter are near the top
        return BeamDecoder(lexicon, replace(options, hotwords=(), beam_width=width))

    def _lexicon(
        self,
        emission: Emission,
        hotwords: tuple[str, ...],
        check: CheckCancelled = never_cancelled,
    ) -> Lexicon | None:
        """The lexicon for this vocabulary and these hotwords; ``None`` without beam search."""
        if self._no_beam:
            return None
        key = (emission.vocabulary, emission.blank_id, emission.word_delimiter, hotwords)
        if key not in self._lexicons:
            plain = self._lexicon(emission, (), check) if hotwords else None
            while len(self._lexicons) >= MAX_CACHED_LEXICONS:
                self._lexicons.popitem(last=False)
                check()  # freeing one takes a twentieth of a second
            if hotwords:
                if plain is None:
                    return None
                self._lexicons[key] = plain.with_hotwords(hotwords, check)
            else:
                try:
                    self._lexicons[key] = Lexicon(self._folder, emission, check)
                except (ImportError, OSError) as error:
                    log.warning("beam search is not available, decoding is greedy: %s", error)
                    self._no_beam = NO_BEAM
                    return None
        self._lexicons.move_to_end(key)
        return self._lexicons[key]


def tokenizer_of(emission: Emission) -> TextTokenizer:
    """The tokenizer for the vocabulary of ``emission``."""
    return TextTokenizer(
        emission.vocabulary,
        emission.blank_id,
        emission.word_delimiter,
        frozenset(emission.special),
        emission.language or "en",
    )


def penalize_blank(emission: Emission, penalty: float) -> Emission:
    """``emission`` with ``penalty`` subtracted from the blank's log-probability in each frame."""
    if not penalty:
        return emission
    log_probs = emission.log_probs.copy()
    log_probs[:, emission.blank_id] -= penalty
    return replace(emission, log_probs=log_probs)
