"""The state machine of live captions, without any I/O.

Samples and transcripts go in; requested passes and captions come out. An utterance begins where the one
before it ended. Tentative passes transcribe all of it so far, or the newest seconds of a long one. A pause or
the maximum length ends it; then a last pass transcribes all of it, and the next utterance begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from wav2vec2_app.server.live.agreement import LocalAgreement
from wav2vec2_app.server.live.buffer import AudioBuffer
from wav2vec2_app.server.live.captions import (
    Caption,
    CaptionPolicy,
    FinalCaption,
    PartialCaption,
    Pass,
)
from wav2vec2_app.server.live.endpoint import find_endpoint
from wav2vec2_app.server.live.pacer import Pacer
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.transcript import Recognition, Word

LEAD_IN_S = 1.5
"""Audio from before the first word that belongs to the utterance, so that its beginning is not cut off."""
BUFFER_SLACK_S = 20.0
"""Audio that fits into the buffer beyond the longest utterance while a pass is running, seconds."""
SILENCE_DBFS = -65.0
"""Before an utterance begins, audio below this level needs no pass, dB relative to full scale."""
MIN_LAST_PASS_S = 0.1
"""A shorter rest at the end of a session is not transcribed, seconds."""
TENTATIVE_S = 8.0
"""Longest audio of a tentative pass, to which the rest of the word at its beginning is added, seconds."""
WORD_LEAD_S = 0.1
"""A tentative pass begins this long before a committed word, seconds."""
MAX_TRIES = 3
"""After so many failures the last pass is given up; the words so far are then the final ones."""


class Captioner:
    """One session.

    Args:
        policy: how captions are made.
        clock: monotonic, seconds.
    """

    def __init__(self, policy: CaptionPolicy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._pacer = Pacer(policy.interval_s)
        self._audio = AudioBuffer(_samples(policy.utterance_s + BUFFER_SLACK_S))
        self._number = 1
        self._agreement = LocalAgreement()
        self._transcribed = 0  # end of the last pass
        self._passed = 0  # end of the last pass of this utterance
        self._endpoint: int | None = None
        self._tries = 0
        self._finishing = False

    # --- state ---

    @property
    def arrived_s(self) -> float:
        """Audio that has arrived so far, seconds."""
        return self._audio.end / SAMPLE_RATE_HZ

    @property
    def transcribed_s(self) -> float:
        """Up to which time of the session the captions know the audio, seconds."""
        return self._transcribed / SAMPLE_RATE_HZ

    @property
    def lag_s(self) -> float:
        """How much of the audio that has arrived is not transcribed yet, seconds."""
        return self.arrived_s - self.transcribed_s

    @property
    def behind(self) -> bool:
        """Whether the machine is too slow for the configured interval between passes."""
        return self._pacer.behind

    @property
    def interval_s(self) -> float:
        """Current time between tentative passes, seconds."""
        return self._pacer.interval_s

    @property
    def room(self) -> int:
        """How many samples :meth:`append` takes now; the rest has to wait, nothing is dropped."""
        return self._audio.room

    @property
    def done(self) -> bool:
        """Whether :meth:`finish` was called and all audio is transcribed."""
        return self._finishing and not len(self._audio)

    # --- input ---

    def append(self, samples: Float32) -> None:
        """Add ``samples`` ``(n,)`` at 16 kHz, at most :attr:`room`."""
        self._audio.append(samples)

    def finish(self) -> None:
        """Announce that no more audio arrives."""
        self._finishing = True

    def wait_s(self) -> float:
        """Seconds until a pass may be due even if no audio arrives."""
        return self._pacer.wait_s(self._clock())

    def next_pass(self) -> Pass | None:
        """The pass to run now; ``None`` until audio arrives, :meth:`wait_s` is over or a pass ends."""
        audio = self._audio
        if self._pacer.wait_s(self._clock()) > 0 and (self._endpoint is None or self._tries):
            return None
        if self._endpoint is not None:
            return self._last_pass(self._endpoint)
        if self._is_idle:
            self._skip_silence()
        new_s = (audio.end - max(self._passed, audio.start)) / SAMPLE_RATE_HZ
        if new_s >= self._policy.interval_s:
            return self._tentative_pass()
        if self._finishing:
            return self._rest()
        return None

    def pass_succeeded(self, finished: Pass, recognition: Recognition) -> tuple[Caption, ...]:
        """Process the transcript of a pass; returns the captions that follow from it."""
        words = _shifted(recognition.transcript.words, finished.start_s)
        if finished.is_last:
            self._tries = 0
            return self._end_utterance(finished, words)
        self._pacer.succeeded(finished.began_s, self._clock())
        self._transcribed = max(self._transcribed, finished.stop)
        self._passed = finished.stop
        self._endpoint = self._find_endpoint(finished, recognition)
        tentative_before = self._agreement.tentative
        committed = self._agreement.add_pass(words, finished.stop_s, skipped=finished.skipped)
        if self._is_idle:
            self._audio.drop_until(finished.stop - _samples(LEAD_IN_S))
            self._endpoint = None
        if not (committed or tentative_before or self._agreement.tentative):
            return ()
        return (PartialCaption(self._number, committed, self._agreement.tentative),)

    def pass_failed(self, failed: Pass) -> tuple[Caption, ...]:
        """Record that a pass failed; it is requested again, the last one at most :data:`MAX_TRIES` times."""
        self._pacer.failed(self._clock())
        if not failed.is_last:
            return ()
        self._tries += 1
        if self._tries < MAX_TRIES:
            return ()
        self._tries = 0
        known = (*self._agreement.committed, *self._agreement.tentative)
        words = tuple(word for word in known if _middle_s(word) < failed.stop_s)
        note = "The last pass over this utterance failed; some words may be wrong."
        return self._end_utterance(failed, words, note)

    # --- passes ---

    @property
    def _is_idle(self) -> bool:
        """Whether the utterance has no words yet."""
        return not (self._agreement.committed or self._agreement.tentative)

    def _last_pass(self, stop: int) -> Pass:
        start = self._audio.start
        samples = self._audio.between(start, stop)
        return Pass(start, stop, samples, is_last=True, began_s=self._clock())

    def _tentative_pass(self) -> Pass:
        audio = self._audio
        start = audio.start
        stop = min(audio.end, start + _samples(self._policy.utterance_s))
        skipped = 0
        for number, word in enumerate(self._agreement.committed):
            if _samples(word.start_s + TENTATIVE_S) > stop:
                break
            start, skipped = max(audio.start, _samples(word.start_s - WORD_LEAD_S)), number
        samples = audio.between(start, stop)
        return Pass(start, stop, samples, is_last=False, began_s=self._clock(), skipped=skipped)

    def _rest(self) -> Pass | None:
        """The last pass over the audio that is left at the end of the session."""
        audio = self._audio
        nothing_new = self._is_idle and self._passed >= audio.end
        if len(audio) < _samples(MIN_LAST_PASS_S) or nothing_new:
            audio.drop_until(audio.end)
            self._transcribed = audio.end
            return None
        self._endpoint = audio.end
        return self._last_pass(self._endpoint)

    def _skip_silence(self) -> None:
        audio = self._audio
        if audio.loudest_dbfs() < SILENCE_DBFS:
            audio.drop_until(audio.end - _samples(LEAD_IN_S))
            self._transcribed = self._passed = audio.end

    # --- the end of an utterance ---

    def _find_endpoint(self, finished: Pass, recognition: Recognition) -> int | None:
        before = finished.start - self._audio.start
        found = find_endpoint(self._policy, recognition.emitted.emission, finished.samples, before)
        return None if found is None else finished.start + found

    def _end_utterance(
        self, last: Pass, words: Sequence[Word], note: str = ""
    ) -> tuple[Caption, ...]:
        """Finish the utterance at the end of ``last``; words after it move to the next utterance."""
        before = self._agreement
        committed = [word for word in before.committed if _middle_s(word) < last.stop_s]
        carried = before.committed[len(committed) :]
        final = LocalAgreement(committed).finish(words, closed=bool(carried))
        self._begin_utterance(carried, last.stop)
        captions: list[Caption] = []
        if final or carried or before.tentative:
            captions.append(FinalCaption(self._number, last.start_s, last.stop_s, final, note))
            self._number += 1
        rest = tuple(word for word in before.tentative if _middle_s(word) >= last.stop_s)
        if carried or rest:
            captions.append(PartialCaption(self._number, carried, rest))
        return tuple(captions)

    def _begin_utterance(self, carried: Sequence[Word], start: int) -> None:
        self._agreement = LocalAgreement(carried)
        self._audio.drop_until(start)
        self._transcribed = max(self._transcribed, start)
        self._passed = start
        self._endpoint = None


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def _middle_s(word: Word) -> float:
    return (word.start_s + word.end_s) / 2


def _shifted(words: Sequence[Word], by_s: float) -> tuple[Word, ...]:
    """``words`` with their times ``by_s`` seconds later."""
    return tuple(
        replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s) for word in words
    )
