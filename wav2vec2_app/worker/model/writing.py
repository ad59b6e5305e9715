"""Writes decoded words: which of them get punctuation and case, and how names are spelled."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.punctuation import Punctuator

log = logging.getLogger(__name__)

LANGUAGE: Final = "en"
SIGNS_OF_WRITING: Final = frozenset(".,?!;:")
"""A model whose vocabulary has one of these writes punctuation itself."""


class Writer:
    """Adds punctuation and case to words of English; without a model, words stay as they are decoded.

    Args:
        folder: of :class:`Punctuator`, which is loaded when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._punctuator: Punctuator | None = None
        self._failed = False

    def warm_up(self) -> None:
        """Load the model, so that the first request need not wait."""
        self._loaded()

    def can_write(self, emission: Emission, words: Sequence[Word]) -> bool:
        """Whether ``words``, decoded from ``emission``, are English without punctuation and case."""
        if emission.language != LANGUAGE or not emission.word_delimiter:
            return False
        if not SIGNS_OF_WRITING.isdisjoint(emission.vocabulary):
            return False
        letters = "".join(word.text for word in words)
        return letters.isupper() or letters.islower()

    def write(
        self, texts: Sequence[str], names: Sequence[str], check: CheckCancelled = never_cancelled
    ) -> list[str]:
        """The words as they are written; ``names`` (of one word or several) spell names among them."""
        punctuator = self._loaded()
        return [""] * len(texts) if punctuator is None else punctuator.written(texts, names, check)

    def _loaded(self) -> Punctuator | None:
        if self._punctuator is None and not self._failed:
            try:
                self._punctuator = Punctuator(self._folder)
            except (OSError, ValueError, KeyError) as error:
                log.warning("punctuation is not available: %s", error)
                self._failed = True
        return self._punctuator
