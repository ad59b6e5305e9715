"""Decoding again, hotwords and alignment, through the whole application."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.examples import clips
from wav2vec2_app.errors import InputError
from wav2vec2_app.server.build import System
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Word

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GREEDY = DecodingOptions(decoder="greedy")


async def transcribe(system: System, path: Path, **more: object) -> tuple[str, tuple[Word, ...]]:
    """The task's id and the words of its transcript."""
    result = await system.orchestrator.run(AudioTask(AudioSource(path=path), **more))  # type: ignore[arg-type]
    assert result.transcript is not None
    return result.id, result.transcript.words


async def test_kept_emission_is_read_like_a_fresh_one(shared_system: System) -> None:
    path = clips()[0].path
    first, _ = await transcribe(shared_system, path)
    _, expected = await transcribe(shared_system, path, decoding=GREEDY)

    again = await shared_system.orchestrator.run(AudioTask(cached_id=first, decoding=GREEDY))

    assert again.transcript is not None
    assert again.transcript.words == expected
    assert again.transcript.decoder == "greedy"
    assert "forward" not in {stage.name for stage in again.stages}


async def test_text_is_aligned_within_the_audio(shared_system: System) -> None:
    clip = clips()[0]
    text = clip.text.capitalize().replace(" ", "  ") + ", 7 € ☃!"
    task = AudioTask(AudioSource(path=clip.path), wants=frozenset({Want.ALIGNMENT}), text=text)

    result = await shared_system.orchestrator.run(task)

    assert result.alignment is not None
    words = result.alignment.words
    assert [word.text for word in words][:2] == clip.text.capitalize().split()[:2]
    starts = [word.start_s for word in words]
    assert starts == sorted(starts)
    assert words[-1].end_s <= result.audio.duration_s
    assert any(word.characters for word in words)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "align.empty_text"),
        (" . ", "align.empty_text"),
        ("word " * 2000, "align.text_too_long"),
    ],
)
async def test_text_that_cannot_be_aligned_is_refused(
    shared_system: System, text: str, code: str
) -> None:
    task = AudioTask(
        AudioSource(path=clips()[0].path), wants=frozenset({Want.ALIGNMENT}), text=text
    )

    with pytest.raises(InputError) as refused:
        await shared_system.orchestrator.run(task)

    assert refused.value.code == code
    assert refused.value.hint


@pytest.mark.parametrize(
    ("decoding", "code"),
    [
        (DecodingOptions(hotwords=tuple(f"name{n}" for n in range(10_000))), "hotwords.too_many"),
        (replace(DEFAULT_OPTIONS, decoder="oracle"), "decoder.unknown"),
        (replace(DEFAULT_OPTIONS, beam_width=-1), "decoder.bad_value"),
    ],
)
async def test_wishes_that_cannot_be_followed_are_refused(
    shared_system: System, decoding: DecodingOptions, code: str
) -> None:
    with pytest.raises(InputError) as refused:
        await transcribe(shared_system, clips()[0].path, decoding=decoding)

    assert refused.value.code == code
