"""Live captions without any I/O: samples and answers go in, passes to be done and captions come out.

An utterance begins where the one before it ended. Tentative passes hear all of it so far, of a long one its
newest seconds; a pause ends it, and so does its length. Then a last pass hears the whole once more, and the
next utterance begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from wav2vec2_app.server.live import pauses
from wav2vec2_app.server.live.agreement import Agreement
from wav2vec2_app.server.live.pace import Pacer
from wav2vec2_app.server.live.tape import Tape
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.transcript import Recognition, Word

LEAD_IN_S = 1.5
"""CachedResult of what is heard before the first word, seconds, so that its beginning is not cut off."""
TAIL_SHARE = 0.6
"""The share of a pause's least length that still belongs to the utterance before it."""
SLACK_S = 20.0
"""Audio that fits in beyond the longest utterance while a pass is under way, seconds."""
IMPATIENT = (0.6, 0.5)
"""From this share of the longest utterance on, ever shorter pauses end it, down to this share of a pause."""
CUT_SHARE = 0.4
"""An utterance that is too long is not cut before this share of its length."""
SILENT_DBFS = -65.0
"""What is never louder than this before an utterance begins needs no pass, dB relative to full scale."""
SHORTEST_S = 0.1
"""Less than this at the very end is not listened to, seconds."""
AGAIN_S = 8.0
"""A tentative pass hears no more than this of an utterance, and on to the beginning of a word that stands."""
LEAD_S = 0.1
"""It begins so much before that word, seconds."""
TRIES = 3
"""A last pass that fails so often is given up; the words so far are then the final ones."""


@dataclass(frozen=True)
class Rules:
    """How captions are made, all in seconds; see the settings of the same names."""

    interval_s: float = 0.3
    pause_s: float = 0.7
    utterance_s: float = 20.0


@dataclass(frozen=True)
class Pass:
    """Audio to be heard by the model: samples ``[start, stop)`` of the session.

    ``skipped`` words of the utterance that stand lie before it.
    """

    start: int
    stop: int
    samples: Float32
    is_last: bool
    began_s: float
    skipped: int = 0

    @property
    def start_s(self) -> float:
        return self.start / SAMPLE_RATE_HZ

    @property
    def stop_s(self) -> float:
        return self.stop / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Words:
    """What is known of the utterance under way.

    ``committed`` are the words that stand since the caption before this one; ``tentative`` replaces
    what was tentative before. Times count from the beginning of the session.
    """

    utterance: int
    committed: tuple[Word, ...]
    tentative: tuple[Word, ...]


@dataclass(frozen=True)
class Final:
    """All words of a finished utterance; ``note`` says where they are not as good as they could be."""

    utterance: int
    start_s: float
    end_s: float
    words: tuple[Word, ...]
    note: str = ""


Caption = Words | Final


class Captioner:
    """One session.

    Args:
        rules: how captions are made.
        clock: monotonic, seconds.

    Attributes:
        heard_s: up to where the captions so far have heard the session's audio, seconds.
    """

    def __init__(self, rules: Rules, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._clock = clock
        self._pacer = Pacer(rules.interval_s)
        self._tape = Tape(_samples(rules.utterance_s + SLACK_S))
        self._number = 1
        self._agreement = Agreement()
        self._heard = 0  # by any pass
        self._passed = 0  # by a pass of this utterance
        self._cut: int | None = None
        self._tries = 0
        self._finishing = False

    # --- facts ---

    @property
    def arrived_s(self) -> float:
        """Audio that has arrived so far, seconds."""
        return self._tape.end / SAMPLE_RATE_HZ

    @property
    def heard_s(self) -> float:
        return self._heard / SAMPLE_RATE_HZ

    @property
    def lag_s(self) -> float:
        """How much of the audio that has arrived the captions do not know of yet, seconds."""
        return self.arrived_s - self.heard_s

    @property
    def behind(self) -> bool:
        """Whether the machine cannot keep up, so that passes are rarer than wished."""
        return self._pacer.behind

    @property
    def interval_s(self) -> float:
        """Time between tentative passes, as it is now, seconds."""
        return self._pacer.interval_s

    @property
    def room(self) -> int:
        """How many samples can be taken now; what does not fit has to wait, none of it is dropped."""
        return self._tape.room

    @property
    def done(self) -> bool:
        """Whether all is said: the end was announced, and everything is heard."""
        return self._finishing and not len(self._tape)

    # --- what goes in ---

    def hear(self, samples: Float32) -> None:
        """Take in ``samples`` ``(n,)`` at 16 kHz, no more than there is room for."""
        self._tape.append(samples)

    def finish(self) -> None:
        """No more will be said."""
        self._finishing = True

    def wait_s(self) -> float:
        """Seconds until there may be something to do although nothing arrives."""
        return self._pacer.wait_s(self._clock())

    def next_pass(self) -> Pass | None:
        """What is to be heard now, if anything is; ask again when something arrived or was answered."""
        tape = self._tape
        if self._pacer.wait_s(self._clock()) > 0 and (self._cut is None or self._tries):
            return None
        if self._cut is not None:
            return self._last_pass(self._cut)
        if self._is_idle:
            self._skip_silence()
        unheard_s = (tape.end - max(self._passed, tape.start)) / SAMPLE_RATE_HZ
        if unheard_s >= self._rules.interval_s:
            return self._tentative_pass()
        if self._finishing:
            return self._rest()
        return None

    def answered(self, asked: Pass, heard: Recognition) -> tuple[Caption, ...]:
        """Take in what a pass heard."""
        now_s = self._clock()
        words = _placed(heard.transcript.words, asked.start_s)
        if asked.is_last:
            self._tries = 0
            return self._conclude(asked, words)
        self._pacer.succeeded(asked.began_s, now_s)
        self._heard = max(self._heard, asked.stop)
        self._passed = asked.stop
        self._cut = self._find_cut(asked, heard)
        before = self._agreement.tentative
        committed = self._agreement.hear(words, asked.stop_s, skipped=asked.skipped)
        if self._is_idle:
            self._tape.drop_until(asked.stop - _samples(LEAD_IN_S))
            self._cut = None
        if not committed and not before and not self._agreement.tentative:
            return ()
        return (Words(self._number, committed, self._agreement.tentative),)

    def failed(self, asked: Pass) -> tuple[Caption, ...]:
        """Take note that a pass came to nothing; it is asked for again, if not too often."""
        self._pacer.failed(self._clock())
        if not asked.is_last:
            return ()
        self._tries += 1
        if self._tries < TRIES:
            return ()
        self._tries = 0
        known = (*self._agreement.committed, *self._agreement.tentative)
        words = tuple(word for word in known if _middle_s(word) < asked.stop_s)
        return self._conclude(asked, words, "The last pass over this failed; words may be wrong.")

    # --- inside ---

    @property
    def _is_idle(self) -> bool:
        """Whether no word of an utterance is known."""
        return not (self._agreement.committed or self._agreement.tentative)

    def _last_pass(self, stop: int) -> Pass:
        start = self._tape.start
        samples = self._tape.between(start, stop)
        return Pass(start, stop, samples, is_last=True, began_s=self._clock())

    def _tentative_pass(self) -> Pass:
        tape = self._tape
        start, stop = tape.start, min(tape.end, tape.start + _samples(self._rules.utterance_s))
        skipped = 0
        for number, word in enumerate(self._agreement.committed):
            if _samples(word.start_s + AGAIN_S) > stop:
                break
            start, skipped = max(tape.start, _samples(word.start_s - LEAD_S)), number
        samples = tape.between(start, stop)
        return Pass(start, stop, samples, is_last=False, began_s=self._clock(), skipped=skipped)

    def _rest(self) -> Pass | None:
        """The last pass over what is left at the end of the session."""
        tape = self._tape
        nothing_new = self._is_idle and self._passed >= tape.end
        if len(tape) < _samples(SHORTEST_S) or nothing_new:
            tape.drop_until(tape.end)
            self._heard = tape.end
            return None
        self._cut = tape.end
        return self._last_pass(self._cut)

    def _skip_silence(self) -> None:
        tape = self._tape
        if tape.loudest_dbfs() < SILENT_DBFS:
            tape.drop_until(tape.end - _samples(LEAD_IN_S))
            self._heard = self._passed = tape.end

    def _find_cut(self, asked: Pass, heard: Recognition) -> int | None:
        """Where the utterance ends, if it does."""
        rules, before = self._rules, asked.start - self._tape.start
        length_s = (before + asked.stop - asked.start) / SAMPLE_RATE_HZ
        pause = pauses.first_pause(heard.emitted.emission, self._patience_s(length_s))
        if pause is not None:
            tail_s = TAIL_SHARE * min(rules.pause_s, pause.duration_s)
            return asked.start + _samples(pause.start_s + tail_s)
        if before + asked.stop - asked.start < _samples(rules.utterance_s):
            return None
        earliest_s = max(0.0, CUT_SHARE * rules.utterance_s - before / SAMPLE_RATE_HZ)
        best = pauses.best_pause(heard.emitted.emission, earliest_s)
        at_s = best.middle_s if best else pauses.quietest(asked.samples, earliest_s)
        return asked.start + _samples(at_s)

    def _patience_s(self, length_s: float) -> float:
        """The pause that ends an utterance of this length, seconds."""
        rules, (share, least) = self._rules, IMPATIENT
        grown = (length_s / rules.utterance_s - share) / (1 - share)
        return rules.pause_s * (1 - (1 - least) * min(max(grown, 0.0), 1.0))

    def _conclude(self, asked: Pass, words: Sequence[Word], note: str = "") -> tuple[Caption, ...]:
        """End the utterance at the cut; what stands or is known behind it goes on in the next one."""
        before = self._agreement
        standing = [word for word in before.committed if _middle_s(word) < asked.stop_s]
        carried = before.committed[len(standing) :]
        final = Agreement(standing).conclude(words, closed=bool(carried))
        self._agreement = Agreement(carried)
        self._tape.drop_until(asked.stop)
        self._heard = max(self._heard, asked.stop)
        self._passed = asked.stop
        self._cut = None
        captions: list[Caption] = []
        if final or carried or before.tentative:
            captions.append(Final(self._number, asked.start_s, asked.stop_s, final, note))
            self._number += 1
        rest = tuple(word for word in before.tentative if _middle_s(word) >= asked.stop_s)
        if carried or rest:
            captions.append(Words(self._number, carried, rest))
        return tuple(captions)


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def _middle_s(word: Word) -> float:
    return (word.start_s + word.end_s) / 2


def _placed(words: Sequence[Word], start_s: float) -> tuple[Word, ...]:
    """``words`` timed from the beginning of the session instead of that of a pass."""
    return tuple(
        replace(word, start_s=word.start_s + start_s, end_s=word.end_s + start_s) for word in words
    )
