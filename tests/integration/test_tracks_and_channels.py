"""The choice of the track and one transcript per channel, through the API and the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import av
import httpx
import jiwer
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from typer.testing import CliRunner

from benchmarks.server import RunningServer
from tests.examples import clips
from wav2vec2_app.cli import app

pytestmark = pytest.mark.integration

LEFT, RIGHT = clips()[:2]
MAX_CER = 0.6
"""Character error rate up to which the small model transcribed the clip and nothing else."""


def is_said(expected: str, text: str) -> bool:
    return jiwer.cer(expected, text.lower()) <= MAX_CER


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call: one speaker on the left, then the other one on the right."""
    path = tmp_path_factory.mktemp("call") / "call.wav"
    left, right = LEFT.samples(), RIGHT.samples()
    samples = np.zeros((len(left) + len(right), 2), np.float32)
    samples[: len(left), 0], samples[len(left) :, 1] = left, right
    soundfile.write(path, samples, 16_000)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with two audio tracks."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(2)]
        for stream, clip in zip(streams, (LEFT, RIGHT), strict=True):
            samples = np.round(clip.samples() * 32_767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = 16_000
            resampler = av.AudioResampler("s16", "mono", 16_000, frame_size=4096)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(part))
            output.mux(stream.encode(None))
    return path


def post(server: RunningServer, path: Path, route: str = "transcriptions", **fields: object) -> Any:
    with path.open("rb") as file:
        return httpx.post(
            f"{server.url}/v1/audio/{route}",
            files={"file": (path.name, file)},
            data={"response_format": "verbose_json", **fields},
            timeout=120,
        )


def by_channel(words: list[dict], text: str = "text") -> dict[int | None, str]:
    found: dict[int | None, str] = {}
    for word in words:
        key = word.get("channel")
        found[key] = f"{found[key]} {word[text]}" if key in found else word[text]
    return found


# --- the track ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("track", "clip"), [("", LEFT), ("1", LEFT), ("2", RIGHT)])
def test_form_chooses_the_track_and_the_answer_names_it(
    server: RunningServer, film: Path, track: str, clip: Any
) -> None:
    answer = post(server, film, track=track).json()

    assert is_said(clip.text, answer["text"])
    assert (answer["audio"]["track"], answer["audio"]["tracks"]) == (int(track or 1), 2)


@pytest.mark.parametrize("track", [2, "2"])
def test_endpoint_chooses_the_track(client: Client, film: Path, track: object) -> None:
    first = client.predict(handle_file(str(film)), api_name="/transcribe")
    second = client.predict(handle_file(str(film)), track=track, api_name="/transcribe")

    assert is_said(LEFT.text, first["text"])
    assert is_said(RIGHT.text, second["text"])
    assert (first["audio"]["track"], second["audio"]["track"]) == (1, 2)


def test_text_is_aligned_with_the_chosen_track(
    server: RunningServer, client: Client, film: Path
) -> None:
    sent = handle_file(str(film))
    over_http = post(
        server, film, "alignments", text=RIGHT.text, track="2", response_format="json"
    ).json()
    over_gradio = client.predict(sent, RIGHT.text, track="2", api_name="/align")

    assert over_http["audio"]["track"] == over_gradio["audio"]["track"] == 2
    assert over_http["words"]
    assert over_http["words"] == over_gradio["words"]


@pytest.mark.parametrize(
    ("track", "code"),
    [("3", "audio.no_such_track"), ("0", "request.bad_value"), ("x", "request.bad_value")],
)
def test_track_that_is_not_there_is_rejected(
    server: RunningServer, client: Client, film: Path, track: str, code: str
) -> None:
    over_http = post(server, film, track=track)
    over_gradio = client.predict(handle_file(str(film)), track=track, api_name="/transcribe")

    assert over_http.status_code == 400
    assert over_http.json()["error"]["code"] == over_gradio["error"]["code"] == code
    assert over_gradio["error"]["hint"]


# --- channels -----------------------------------------------------------------------------------


def test_form_gives_one_transcript_per_channel(server: RunningServer, call: Path) -> None:
    answer = post(
        server, call, channels="separate", **{"timestamp_granularities[]": ["word", "segment"]}
    ).json()

    said = by_channel(answer["words"], "word")
    assert is_said(LEFT.text, said[1])
    assert is_said(RIGHT.text, said[2])
    assert {segment["channel"] for segment in answer["segments"]} == {1, 2}
    assert answer["audio"]["separate_channels"] == 2
    starts = [word["start"] for word in answer["words"]]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("response_format", "first", "second"),
    [
        ("srt", "Channel 1: ", "Channel 2: "),
        ("vtt", "<v Channel 1>", "<v Channel 2>"),
        ("text", "Channel 1: ", "Channel 2: "),
    ],
)
def test_texts_and_subtitles_name_the_channel(
    server: RunningServer, call: Path, response_format: str, first: str, second: str
) -> None:
    separate = post(server, call, channels="separate", response_format=response_format).text
    mixed = post(server, call, response_format=response_format).text

    assert separate.index(first) < separate.index(second)
    assert "Channel" not in mixed


def test_endpoints_keep_channels_apart_and_decode_them_again(client: Client, call: Path) -> None:
    first = client.predict(
        handle_file(str(call)), decoder="greedy", channels="separate", api_name="/transcribe"
    )
    again = client.predict(first["request_id"], decoder="beam", api_name="/decode")
    mixed = client.predict(handle_file(str(call)), decoder="greedy", api_name="/transcribe")

    for answer in (first, again):
        said = by_channel(answer["words"])
        assert is_said(LEFT.text, said[1])
        assert is_said(RIGHT.text, said[2])
    assert again["cached"]
    assert again["decoder"] == "beam"
    assert {word["channel"] for word in mixed["words"]} == {None}
    assert mixed["audio"]["separate_channels"] == 0
    assert not mixed["cached"]


def test_analysis_of_separate_channels_has_pictures_of_their_mix(
    client: Client, call: Path
) -> None:
    answer = client.predict(handle_file(str(call)), channels="separate", api_name="/analyze")

    assert {word["channel"] for word in answer["words"]} == {1, 2}
    assert answer["features"]["summary"]
    assert answer["pictures"]
    assert answer["problems"] == []
    loud_at_the_end = answer["features"]["contours"]["energy_db"][-40:-10]
    assert max(value for value in loud_at_the_end if value is not None) > -60


def test_aligning_with_separate_channels_says_what_to_do(client: Client, call: Path) -> None:
    first = client.predict(handle_file(str(call)), channels="separate", api_name="/transcribe")

    answer = client.predict(request_id=first["request_id"], text="hello", api_name="/align")

    assert answer["error"]["code"] == "channels.separate"
    assert answer["error"]["hint"]


@pytest.mark.parametrize("count", [1, 3])
def test_other_numbers_of_channels_are_kept_apart(
    server: RunningServer, tmp_path: Path, count: int
) -> None:
    samples = np.zeros((len(LEFT.samples()), count), np.float32)
    samples[:, count - 1] = LEFT.samples()
    path = tmp_path / "call.wav"
    soundfile.write(path, samples, 16_000)

    answer = post(server, path, channels="separate", **{"timestamp_granularities[]": "word"}).json()

    said = by_channel(answer["words"], "word")
    assert is_said(LEFT.text, said[count])
    assert answer["audio"]["separate_channels"] == count
    assert answer["reason"] == ""


def test_wrong_value_for_channels_is_rejected(server: RunningServer, call: Path) -> None:
    answer = post(server, call, channels="left")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "request.bad_value"


# --- the command line ---------------------------------------------------------------------------


@pytest.mark.slow
def test_command_line_chooses_track_and_channels(
    call: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAV2VEC2_MODEL", "embedded")
    run = CliRunner()

    text = run.invoke(app, ["transcribe", str(call), "--channels", "separate"])
    second = run.invoke(app, ["transcribe", str(film), "--track", "2", "--output", "json"])
    wrong = run.invoke(app, ["transcribe", str(film), "--track", "zero"])

    assert [line[:11] for line in text.stdout.splitlines()] == ["Channel 1: ", "Channel 2: "]
    answer = json.loads(second.stdout)
    assert is_said(RIGHT.text, answer["text"])
    assert answer["audio"]["track"] == 2
    assert wrong.exit_code == 2
    assert "request.bad_value" in wrong.stderr


# --- pieces of a recording ----------------------------------------------------------------------


def test_later_piece_of_a_browser_recording_has_its_own_code_and_hint(
    server: RunningServer, client: Client, tmp_path: Path
) -> None:
    whole = io.BytesIO()
    with av.open(whole, "w", format="webm", options={"live": "1"}) as output:
        stream = output.add_stream("libopus", rate=48_000, layout="mono")
        for number in range(100):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 960), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 48_000, number * 960
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    data = whole.getvalue()
    piece = tmp_path / "piece.webm"
    piece.write_bytes(data[data.index(b"\x1f\x43\xb6\x75") :])

    over_http = post(server, piece)
    over_gradio = client.predict(handle_file(str(piece)), api_name="/transcribe")

    assert over_http.status_code == 400
    for error in (over_http.json()["error"], over_gradio["error"]):
        assert error["code"] == "audio.missing_beginning"
        assert "Join all pieces" in error.get("hint", "") + error["message"]
