"""``python -m benchmarks.find [SEED]``: how well a word is found again by its sound, and when typed.

Recordings of at least 60 s are joined from the audio of utterances of the four speakers that the
training recipe holds out, and, as an independent check, of ``test-clean-60``. Words are drawn from all of
three or more letters that take 0.5 to 1 s and that two utterances have. The query is cut from an utterance
that is not in the recording: its audio alone, as a file has it, or the same stretch as a selection in a
recording has it. A typed word is searched for in the same recordings; its threshold is the lowest with at
most one false alarm a minute.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import soundfile

from benchmarks.find_trials import LENGTH_S, Trial, Utterance, held_out, read, trials
from benchmarks.long_audio import recognizer
from benchmarks.recognition import TEST_SET
from benchmarks.report import Figure, median_ms, show
from benchmarks.seams import emit_in_windows
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.orchestrator.searching import SearchRequest, find, parse_search
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, AudioSource, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.search import Hit
from wav2vec2_app.worker.model.decoding import tokenizer_of
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.search import find_keyword, find_sound, prepare

ROUNDS = 20
LIMIT_MS = 200.0
TOP_HIT = 80.0
TOP_FIVE = 60.0


@dataclass(frozen=True)
class EmittedTrial:
    """A trial, the emission of its recording, and the log-probabilities of its query alone."""

    trial: Trial
    emission: Emission
    query: Float32


def emitted(one: Recognizer, trial: Trial) -> EmittedTrial:
    """The emissions as the service computes them."""
    emission = emit_in_windows(one, trial.recording, Settings()).emission
    return EmittedTrial(trial, emission, one.emit(trial.query).log_probs)


def is_right(hit: Hit, trial: Trial) -> bool:
    """Whether a hit covers at least half of an occurrence of the word."""
    return any(
        min(hit.end_s, end_s) - max(hit.start_s, start_s) > (end_s - start_s) / 2
        for text, start_s, end_s in trial.words
        if text == trial.word
    )


def share_right(
    chosen: Sequence[EmittedTrial], query_of: Callable[[EmittedTrial], Float32], top: int
) -> float:
    """In how many trials one of the first ``top`` hits is right, per cent."""
    right = 0
    for one in chosen:
        try:
            hits = find_sound(one.emission, query_of(one), limit=top)
        except InputError:  # the model transcribes nothing of the query
            continue
        right += any(is_right(hit, one.trial) for hit in hits)
    return 100 * right / max(1, len(chosen))


def typed(name: str, chosen: Sequence[EmittedTrial]) -> list[Figure]:
    """Recall of typed words at one false alarm a minute, and its threshold."""
    rated: list[tuple[float, bool]] = []
    present, audio_s = 0, 0.0
    for one in chosen:
        tokenizer = tokenizer_of(one.emission)
        hits = find_keyword(one.emission, one.trial.word, tokenizer, whole_words=True, limit=50)
        rated += [(hit.score, is_right(hit, one.trial)) for hit in hits]
        present += sum(text == one.trial.word for text, _, _ in one.trial.words)
        audio_s += one.emission.duration_s
    right = wrong = 0
    recall, threshold = 0.0, 1.0
    for score, is_hit in sorted(rated, reverse=True):
        right, wrong = right + is_hit, wrong + (not is_hit)
        if wrong > audio_s / 60:
            break
        recall, threshold = 100 * right / max(1, present), score
    return [
        Figure(f"{name}, typed: recall at 1 false alarm a minute", recall, "%"),
        Figure(f"{name}, typed: threshold of that recall", threshold, ""),
    ]


def sound(
    name: str, same: Sequence[EmittedTrial], other: Sequence[EmittedTrial], *, bars: bool
) -> list[Figure]:
    """Shares of right hits, of the word alone and of the word as selected in its recording."""
    figures = []
    for how, query_of in (
        ("word alone", lambda one: one.query),
        ("selected", lambda one: one.trial.selected),
    ):
        for voice, chosen, top, bar in (
            ("same voice, top hit", same, 1, TOP_HIT),
            ("other voice, top 5", other, 5, TOP_FIVE),
        ):
            figures.append(
                Figure(
                    f"{name}, {how}: {voice}, {len(chosen)} trials",
                    share_right(chosen, query_of, top),
                    "%",
                    at_least=bar if bars else None,
                )
            )
    return figures


def accuracy(
    one: Recognizer, name: str, utterances: Sequence[Utterance], seed: int, *, bars: bool = True
) -> list[Figure]:
    """The figures of one set of speakers."""
    same, other = (
        [emitted(one, trial) for trial in trials(utterances, seed, same_voice=voice)]
        for voice in (True, False)
    )
    return [*sound(name, same, other, bars=bars), *typed(name, same)]


async def requests(trial: Trial) -> list[Figure]:
    """Complete requests for a recording that was transcribed before: three kinds of query."""
    system = build_system(Settings(fetch_models=False, model="embedded", log_level="WARNING"))
    await system.orchestrator.start()
    try:
        await system.service.wait_ready()
        source = AudioSource(data=wav(trial.recording[: round(LENGTH_S * SAMPLE_RATE_HZ)]))
        task = AudioTask(source, session="benchmark")
        await system.orchestrator.run(task)
        queries = (
            AudioSource(data=wav(trial.query[at:])) for at in range(ROUNDS)
        )  # none is cached
        kinds = {
            "selected": [parse_search("", 10.0, 10.7)] * ROUNDS,
            "recorded word": [parse_search("", "", "", query=one) for one in queries],
            "typed": [parse_search(trial.word, "", "")] * ROUNDS,
        }
        figures = []
        for name, wanted in kinds.items():
            times_s = [await _timed_s(system.orchestrator.run, task, one) for one in wanted]
            figures.append(median_ms(f"request, 60 s, {name}", times_s, LIMIT_MS))
        return figures
    finally:
        await system.orchestrator.stop()


async def _timed_s(run: Callable[..., object], task: AudioTask, wanted: SearchRequest) -> float:
    begin = time.perf_counter()
    await find(run, replace(task, id=f"search {begin}"), wanted)  # type: ignore[arg-type]
    return time.perf_counter() - begin


def wav(samples: Float32) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE_HZ, "PCM_16", format="WAV")
    return file.getvalue()


def search_times_s(chosen: Sequence[EmittedTrial]) -> list[float]:
    """How long the search alone takes in the worker."""
    times_s = []
    for one in chosen:
        begin = time.perf_counter()
        find_sound(one.emission, one.trial.selected, limit=20)
        times_s.append(time.perf_counter() - begin)
    return times_s


def measure(seed: int = 1) -> Sequence[Figure]:
    one = recognizer()
    prepare()
    utterances = held_out(one)
    first = trials(utterances, seed, same_voice=True)[0]
    alone = emitted(one, first)
    figures = [median_ms("search alone, 60 s", search_times_s([alone] * ROUNDS), LIMIT_MS)]
    figures += asyncio.run(requests(first))
    figures += accuracy(one, "held-out speakers", utterances, seed)
    if TEST_SET.exists():
        figures += accuracy(one, "test-clean-60", read(one, TEST_SET), seed, bars=False)
    return figures


if __name__ == "__main__":
    show("find", measure(int(sys.argv[1]) if sys.argv[1:] else 1))
