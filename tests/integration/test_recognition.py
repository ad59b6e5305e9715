"""What the embedded model makes of the example clips, through the whole application."""

import asyncio

import jiwer
import pytest

from tests.examples import clips
from wav2vec2_app.server.build import System
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LIMITS = {"beam": 0.05, "greedy": 0.40}
"""Word error rates on the example clips, by who reads them: flashlight-text is not built for every system."""


async def test_example_clips_are_read_with_few_word_errors(
    shared_system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = clips()
    results = [
        await shared_system.orchestrator.run(AudioTask(AudioSource(path=clip.path)))
        for clip in examples
    ]
    transcripts = [result.transcript for result in results if result.transcript]
    texts = [transcript.text.lower() for transcript in transcripts]

    error_rate = jiwer.wer([clip.text for clip in examples], texts)

    with capsys.disabled():
        for clip, text in zip(examples, texts, strict=True):
            print(f"\n{clip.path.stem:10} said:  {clip.text}\n{'':10} text:  {text}")
        print(f"word error rate on the example clips: {100 * error_rate:.1f} %")
    assert error_rate <= LIMITS[transcripts[0].decoder]


async def test_words_lie_in_order_inside_the_audio(shared_system: System) -> None:
    for clip in clips():
        result = await shared_system.orchestrator.run(AudioTask(AudioSource(path=clip.path)))
        assert result.transcript is not None
        words = result.transcript.words

        times = [time for word in words for time in (word.start_s, word.end_s)]
        assert times == sorted(times)
        assert times[-1] <= result.audio.duration_s
        assert all(0 < word.confidence <= 1 for word in words)


async def test_bytes_and_file_have_the_same_transcript(shared_system: System) -> None:
    clip = clips()[0]

    by_path, by_bytes = await asyncio.gather(
        shared_system.orchestrator.run(AudioTask(AudioSource(path=clip.path))),
        shared_system.orchestrator.run(AudioTask(AudioSource(data=clip.path.read_bytes()))),
    )

    assert by_path.transcript is not None
    assert by_bytes.transcript is not None
    assert by_path.transcript.text == by_bytes.transcript.text
