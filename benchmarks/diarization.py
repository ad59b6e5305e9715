"""``python -m benchmarks.diarization [CONVERSATIONS]``: how well the application labels speakers.

Two-speaker conversations of half a minute to a minute are composed from the utterances of speakers that were
used for nothing else (:mod:`benchmarks.conversations`); each speaker is in two of them. The diarization error
rate is the share of speech that was missed, found where there is none, or given to the wrong speaker. A
quarter of a second around each reference boundary is not scored; overlapping speech is.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import soundfile

from benchmarks.conversations import Conversation, Errors, Span, compose, errors, read_speakers
from benchmarks.recognition import TEST_SET
from benchmarks.report import Figure, show
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, AudioSource

CONVERSATIONS = 20
SEED = 16
BAR = 20.0
WANTS = frozenset({Want.TRANSCRIPT, Want.SPEAKERS})


def conversations(count: int) -> list[Conversation]:
    """Each speaker with the next one of a shuffled circle."""
    utterances = read_speakers(TEST_SET)
    rng = np.random.default_rng(SEED)
    names = rng.permutation(sorted(utterances)).tolist()
    pairs = [(name, names[(at + 1) % len(names)]) for at, name in enumerate(names)]
    return [compose({name: utterances[name] for name in pair}, rng) for pair in pairs[:count]]


def wav(conversation: Conversation) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, conversation.samples, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()


def spans(result: AudioResult) -> Mapping[str, Sequence[Span]]:
    """When each labelled speaker speaks."""
    found: dict[str, list[Span]] = defaultdict(list)
    for turn in result.speakers.turns if result.speakers else ():
        found[str(turn.speaker)].append((turn.start_s, turn.end_s))
    return found


async def label(system: System, conversation: Conversation) -> AudioResult:
    source = AudioSource(data=wav(conversation), name="conversation.wav")
    result = await system.orchestrator.run(AudioTask(source, WANTS))
    for problem in result.problems:
        raise problem.error
    return result


async def measure(count: int = CONVERSATIONS) -> Sequence[Figure]:
    settings = Settings(fetch_models=False, model="embedded", log_level="WARNING")
    system = build_system(settings)
    await system.orchestrator.start()
    total, right_count = Errors(), 0
    single: list[float] = []
    try:
        for conversation in conversations(count):
            result = await label(system, conversation)
            found = errors(conversation.speech, spans(result))
            total += found
            single.append(found.rate)
            right_count += bool(result.speakers and result.speakers.count == 2)
    finally:
        await system.orchestrator.stop()
    parts = {
        "missed": total.missed, "false alarm": total.false_alarm, "confused": total.confused,
    }  # fmt: skip
    return [
        Figure(
            f"diarization error rate, {count} conversations",
            total.rate,
            "%",
            BAR,
            spread=(min(single), max(single)),
        ),
        *(Figure(f"  {name}", 100 * value / total.speech, "%") for name, value in parts.items()),
        Figure("conversations with two speakers found", right_count, f"of {count}"),
        Figure("speech scored", total.speech, "s"),
    ]


if __name__ == "__main__":
    show("diarization", asyncio.run(measure(*map(int, sys.argv[1:2]))))
