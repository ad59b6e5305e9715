"""Words of a recording that is still being transcribed, as data for the page's scripts."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from wav2vec2_app.server.ui.render import transcript
from wav2vec2_app.speech.spelling import sentence_case
from wav2vec2_app.speech.transcript import Word

REPEATED: Final = 8
"""Each update repeats this many earlier ones: a browser that is busy shows only the last of several."""


class RecentWords:
    """The updates of one transcription; ``count`` is how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self._recent: deque[list[transcript.Row]] = deque(maxlen=REPEATED)

    def add(self, words: Sequence[Word]) -> str:
        """The markup after more words: the recent updates, with the number of the first of them."""
        begin = [] if not self.count else ["A"]  # a word before them: they are not the first ones
        spelled = sentence_case([*begin, *(word.text for word in words)])[len(begin) :]
        self._recent.append(transcript.rows(words, spelled))
        self.count += 1
        return transcript.template(list(self._recent), first=self.count - len(self._recent))
