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
INTERVAL_S: Final = 0.25
"""Shortest time between two updates, seconds: a browser that gets more falls behind."""

_Rows = list[transcript.Row]


class RecentWords:
    """The updates of one transcription; ``count`` is how many times words were added."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: list[_Rows] = []
        self._shown: deque[list[_Rows]] = deque(maxlen=REPEATED)
        self._shown_s: float | None = None

    def add(self, words: Sequence[Word], at_s: float) -> dict[str, str]:
        """``preview`` after more words: those of the recent updates, with the number of the first of them.

        Empty if the last update was a moment ago: the words come with the next one.
        """
        begin = [] if not self.count else ["A"]  # a word before them: they are not the first ones
        spelled = sentence_case([*begin, *(word.text for word in words)])[len(begin) :]
        self._waiting.append(transcript.rows(words, spelled))
        self.count += 1
        if self._shown_s is not None and at_s - self._shown_s < INTERVAL_S:
            return {}
        self._shown_s = at_s
        return self.rest()

    def rest(self) -> dict[str, str]:
        """``preview`` with the words that wait for an update; empty if there are none."""
        if not self._waiting:
            return {}
        self._shown.append(self._waiting)
        self._waiting = []
        recent = [rows for update in self._shown for rows in update]
        return {"preview": transcript.template(recent, first=self.count - len(recent))}
