"""A scripted model: it recognises the script's words at their times, as soon as they are over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.doubles import VOCABULARY, FakeClock, make_model_info
from wav2vec2_app.server.live.captioner import Captioner
from wav2vec2_app.server.live.captions import Caption, FinalCaption, PartialCaption, Pass
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

FRAME_S = 0.02
SPEECH_DB, QUIET_DB = -20.0, -50.0
BLOCK = SAMPLE_RATE_HZ // 10


def say(text: str, start_s: float = 0.5, word_s: float = 0.3, gap_s: float = 0.1) -> list[Word]:
    """The words of ``text`` one after the other."""
    step_s = word_s + gap_s
    return [
        Word(word, start_s + at * step_s, start_s + at * step_s + word_s, 0.9)
        for at, word in enumerate(text.split())
    ]


def sound(words: Sequence[Word], length_s: float) -> Float32:
    """A tone during the words, near silence elsewhere."""
    times_s = np.arange(round(length_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * 200 * times_s)
    level = np.full(len(times_s), 1e-4)
    for word in words:
        level[(times_s >= word.start_s) & (times_s < word.end_s)] = 0.2
    return (level * tone).astype(np.float32)


def emission(words: Sequence[Word], length_s: float, *, noise: bool = False) -> Emission:
    """Letters while there are words, blank elsewhere; ``noise`` keeps the level up."""
    frames = max(1, round(length_s / FRAME_S))
    ids = np.zeros(frames, dtype=int)
    energy_db = np.full(frames, SPEECH_DB if noise else QUIET_DB)
    for word in words:
        here = slice(max(0, round(word.start_s / FRAME_S)), max(0, round(word.end_s / FRAME_S)))
        ids[here] = VOCABULARY.index("E")
        energy_db[here] = SPEECH_DB
    probabilities = np.full((frames, len(VOCABULARY)), 0.05 / (len(VOCABULARY) - 1))
    probabilities[np.arange(frames), ids] = 0.95
    log_probs = np.log(probabilities).astype(np.float32)
    special = VOCABULARY[1:4]
    return Emission(log_probs, VOCABULARY, 0, "|", FRAME_S, special, energy_db.astype(np.float16))


def recognition(words: Sequence[Word], length_s: float) -> Recognition:
    text = " ".join(word.text for word in words)
    transcript = Transcript(text, tuple(words), 0.9, length_s, make_model_info())
    return Recognition(transcript, emission(words, length_s))


def recognized(script: Sequence[Word], current: Pass) -> Recognition:
    """The result of a pass over a script; a word at its edge is recognised in part."""
    words = []
    for word in script:
        start_s, end_s = word.start_s - current.start_s, word.end_s - current.start_s
        length_s = current.stop_s - current.start_s
        share = (min(end_s, length_s) - max(start_s, 0.0)) / (end_s - start_s)
        if share > 0.3:
            letters = word.text if share > 0.95 else word.text[: max(1, len(word.text) // 2)]
            words.append(Word(letters, max(start_s, 0.0), min(end_s, length_s), 0.9))
    return recognition(words, current.stop_s - current.start_s)


class Playback:
    """A captioner on a fake clock that receives audio in blocks; its passes take ``takes_s``."""

    def __init__(self, captioner: Captioner, clock: FakeClock, *, takes_s: float = 0.1) -> None:
        self.captioner = captioner
        self.clock = clock
        self.takes_s = takes_s
        self.passes: list[Pass] = []
        self.captions: list[Caption] = []
        self._running: tuple[Pass, float] | None = None

    def play(self, script: Sequence[Word], length_s: float) -> None:
        """From the first block to the last caption."""
        samples = sound(script, length_s)
        for at in range(0, len(samples), BLOCK):
            self.clock.advance(BLOCK / SAMPLE_RATE_HZ)
            self.captioner.append(samples[at : at + BLOCK])
            self.run_passes(script)
        self.captioner.finish()
        for _ in range(1000):
            if self.captioner.done:
                return
            self.run_passes(script)
            self.clock.advance(0.05)
        raise AssertionError("the captioner is never done")

    @property
    def finals(self) -> list[FinalCaption]:
        return [caption for caption in self.captions if isinstance(caption, FinalCaption)]

    @property
    def text(self) -> str:
        return " ".join(word.text for final in self.finals for word in final.words)

    def run_passes(self, script: Sequence[Word]) -> None:
        while True:
            if self._running is None:
                current = self.captioner.next_pass()
                if current is None:
                    return
                self.passes.append(current)
                self._running = current, self.clock() + self.takes_s
            current, ready_s = self._running
            if self.clock() < ready_s:
                return
            self._running = None
            self.captions += self.captioner.pass_succeeded(current, recognized(script, current))


def committed_words(captions: Sequence[Caption]) -> list[str]:
    """All committed words of a session, as a client assembles them from the captions.

    Asserts that no caption changes one of them.
    """
    finished: list[str] = []
    committed: list[str] = []
    number = 1
    for at, caption in enumerate(captions):
        before = [*finished, *committed]
        if isinstance(caption, PartialCaption):
            if caption.utterance != number:
                number, committed = caption.utterance, []
            committed += [word.text for word in caption.committed]
            if len(committed) + len(finished) < len(before):
                raise AssertionError("committed words were removed")
        else:
            finished += [word.text for word in caption.words]
            number, committed = caption.utterance + 1, []
            missing = len(before) - len(finished)
            carried = before[len(finished) :] if missing > 0 else []
            following = captions[at + 1] if missing > 0 else None
            if carried:
                assert isinstance(following, PartialCaption)
                assert [word.text for word in following.committed] == carried
        now = [*finished, *committed]
        assert now[: len(before)] == before[: len(now)]
    return [*finished, *committed]
