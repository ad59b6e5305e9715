"""Many clients simultaneously, each with its own recording."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file

from tests.examples import clips

pytestmark = pytest.mark.integration

CLIENTS = 8


def test_eight_clients_at_once_each_get_their_own_transcript(
    client: Client, tmp_path: Path
) -> None:
    """Clip plus silence of a length of its own: the text says which clip, the duration which client."""
    sources = clips()[:-1]
    expected = {}
    for clip in sources:
        answer = client.predict(handle_file(str(clip.path)), "auto", api_name="/transcribe")
        expected[clip.path] = answer["text"]

    def ask(number: int) -> tuple[dict, Path, float]:
        clip = sources[number % len(sources)]
        samples = np.concatenate([clip.samples(), np.zeros(800 * number, np.float32)])
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, samples, 16_000)
        answer = Client(client.src, verbose=False).predict(
            handle_file(str(path)), "auto", api_name="/transcribe"
        )
        return answer, clip.path, len(samples) / 16_000

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(ask, range(CLIENTS)))

    assert len({answer["request_id"] for answer, _, _ in answers}) == CLIENTS
    for answer, clip, duration_s in answers:
        assert "error" not in answer, answer
        assert answer["duration_s"] == pytest.approx(duration_s, abs=0.01)
        words, own = set(answer["text"].split()), set(expected[clip].split())
        others = [set(text.split()) for path, text in expected.items() if path != clip]
        assert len(words & own) > max(len(words & other) for other in others)
