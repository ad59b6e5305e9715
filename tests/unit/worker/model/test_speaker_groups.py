"""Grouping of voice embeddings: how many speakers there are, and who says each word."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.speakers import voice_windows
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model import speaker_groups
from wav2vec2_app.worker.model.speaker_groups import find_voices, speakers_of_words

pytest.importorskip("scipy")

SIZE = 32


def voice(number: int, count: int, spread: float = 0.3, seed: int = 0) -> Float32:
    """Embeddings around one direction, of unit length."""
    rng = np.random.default_rng((seed, number))
    centre = np.zeros(SIZE)
    centre[4 * number : 4 * number + 4] = 0.5
    points = np.abs(centre + rng.normal(scale=spread / np.sqrt(SIZE), size=(count, SIZE)))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def conversation(*turns: tuple[int, float]) -> tuple[Float32, Float32, Float32, NDArray[np.int64]]:
    """Embeddings, windows, words and the speaker of each word; turns are voice and length, seconds."""
    words, truth, at_s = [], [], 0.0
    spans = []
    for who, length_s in turns:
        spans.append((at_s, at_s + length_s, who))
        for start_s in np.arange(at_s, at_s + length_s - 0.3, 0.4):
            words.append(Word("a", float(start_s), float(start_s) + 0.3, 1.0))
            truth.append(who)
        at_s += length_s + 0.3
    windows = voice_windows(words, at_s)
    embeddings = np.zeros((len(windows), SIZE))
    for start_s, end_s, who in spans:
        inside = np.minimum(windows[:, 1], end_s) - np.maximum(windows[:, 0], start_s)
        embeddings += np.maximum(0, inside)[:, None] * voice(who, len(windows))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    times = np.array([(word.start_s, word.end_s) for word in words], np.float32)
    return embeddings.astype(np.float32), windows, times, np.array(truth)


def agreement(found: NDArray[np.int32], truth: NDArray[np.int64]) -> float:
    """Share of words with the right speaker, where the numbers of both go together."""
    rights = [np.bincount(truth[found == label]).max() for label in np.unique(found)]
    return float(sum(rights)) / len(truth)


@pytest.mark.parametrize("voices", [1, 2, 3, 4])
def test_number_of_speakers_is_found(voices: int) -> None:
    turns = [(at % voices, 4.0 + at % 3) for at in range(4 * voices)]
    embeddings, windows, words, truth = conversation(*turns)

    found = speakers_of_words(embeddings, windows, words)

    assert len(np.unique(found)) == voices
    assert agreement(found, truth) > 0.95


def test_short_turn_between_long_ones_is_found() -> None:
    embeddings, windows, words, truth = conversation((0, 8.0), (1, 2.0), (0, 8.0), (1, 6.0))

    assert agreement(speakers_of_words(embeddings, windows, words), truth) > 0.9


def test_little_speech_of_another_sound_is_no_speaker() -> None:
    embeddings = np.concatenate([voice(0, 40), voice(1, 1)])
    lengths_s = np.full(41, 1.6, np.float32)

    assert len(find_voices(embeddings, lengths_s)) == 1


def test_two_clusters_of_one_voice_are_merged() -> None:
    sums = np.stack(
        [voice(0, 20).sum(axis=0), voice(0, 30, seed=1).sum(axis=0), voice(1, 9).sum(axis=0)]
    )

    merged = speaker_groups._merged(sums)

    assert len(merged) == 2
    assert np.allclose(np.linalg.norm(merged, axis=1), 1)


@pytest.mark.parametrize("count", [1, 2])
def test_very_little_speech_has_one_speaker(count: int) -> None:
    windows = np.array([(0.0, 0.3), (0.9, 1.2)], np.float32)[:count]

    assert speakers_of_words(voice(0, count), windows, windows).tolist() == [0] * count


def test_nothing_has_no_speakers() -> None:
    none = np.zeros((0, 2), np.float32)

    assert speakers_of_words(np.zeros((0, SIZE), np.float32), none, none).tolist() == []


def test_silent_windows_do_no_harm() -> None:
    embeddings, windows, words, truth = conversation((0, 6.0), (1, 6.0))
    embeddings[3] = 0.0

    found = speakers_of_words(embeddings, windows, words)

    assert agreement(found, truth) > 0.9


def test_long_recording_clusters_a_bounded_number_of_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clustered: list[int] = []
    original = speaker_groups._clusters

    def noted(embeddings: Float32) -> NDArray[np.int64]:
        clustered.append(len(embeddings))
        return original(embeddings)

    monkeypatch.setattr(speaker_groups, "_clusters", noted)
    monkeypatch.setattr(speaker_groups, "MAX_CLUSTERED", 60)
    monkeypatch.setattr(speaker_groups, "WORDS_AT_A_TIME", 16)
    embeddings, windows, words, truth = conversation(*[(at % 2, 5.0) for at in range(30)])

    found = speakers_of_words(embeddings, windows, words)

    assert clustered == [60]
    assert agreement(found, truth) > 0.95
