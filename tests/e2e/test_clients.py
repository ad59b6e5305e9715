"""Programs that use the server: ``gradio_client`` and plain HTTP, as ``docs/api.md`` shows them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import jiwer
import pytest
from gradio_client import Client, handle_file

from benchmarks.server import RunningServer, running_server
from tests.examples import Clip
from wav2vec2_app.server import schema
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.ui.page import modules_path
from wav2vec2_app.server.ui.render import pictures

pytestmark = pytest.mark.e2e

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
MAX_CER = 0.6
"""Character error rate up to which the small model transcribed the clip and nothing else."""


def is_transcript(clip: Clip, text: str) -> bool:
    return jiwer.cer(clip.text, text.lower()) <= MAX_CER


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Client:
    return Client(server.url, verbose=False)


def test_transcribe_answers_by_its_schema(client: Client, clip: Clip) -> None:
    answer = client.predict(handle_file(str(clip.path)), api_name="/transcribe")

    response = schema.TranscriptionResponse.model_validate(answer)
    assert jiwer.cer(clip.text, response.text.lower()) <= MAX_CER
    assert response.words[-1].end <= response.duration_s
    assert response.model.source == "embedded"
    assert {"forward", "total"} <= {timing.stage for timing in response.timings}


@pytest.mark.slow
def test_server_that_ends_deletes_no_upload_of_another(
    client: Client, clip: Clip, tmp_path: Path
) -> None:
    with running_server({"WAV2VEC2_MODEL": "embedded", "GRADIO_TEMP_DIR": str(tmp_path)}) as second:
        paths = [uploaded(url, clip) for url in (client.src, second.url)]
        assert list(tmp_path.rglob(Path(paths[1]).name))
    assert Path(paths[0]).exists()
    assert not list(tmp_path.iterdir())


def test_scripts_of_the_page_are_compressed(server: RunningServer) -> None:
    path = modules_path(assets_path() / "ui")

    answer = httpx.get(f"{server.url}{path}/main.js", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < len(answer.text.encode()) / 2


def uploaded(url: str, clip: Clip) -> str:
    """Path on the server of an uploaded clip."""
    files = {"files": (clip.path.name, clip.path.read_bytes())}
    (path,) = httpx.post(f"{url.rstrip('/')}/gradio_api/upload", files=files).json()
    return str(path)


def test_analyze_answers_by_its_schema(client: Client, clip: Clip) -> None:
    answer = client.predict(handle_file(str(clip.path)), "embedded", api_name="/analyze")

    response = schema.AnalysisResponse.model_validate(answer)
    assert response.features is not None
    assert {picture.name for picture in response.pictures} == {
        place.name for place in pictures.PLACES
    }


def test_capabilities_and_status_answer_by_their_schema(client: Client) -> None:
    capabilities = client.predict(api_name="/capabilities")
    status = client.predict(api_name="/status")

    assert schema.CapabilitiesResponse.model_validate(capabilities).adapters
    assert schema.StatusResponse.model_validate(status).ready


def test_earlier_request_is_decoded_again_without_the_model(client: Client, clip: Clip) -> None:
    first = client.predict(
        handle_file(str(clip.path)), "embedded", "greedy", api_name="/transcribe"
    )

    again = client.predict(first["request_id"], decoder="beam", beam_width=40, api_name="/decode")

    response = schema.TranscriptionResponse.model_validate(again)
    assert (first["decoder"], response.decoder) == ("greedy", "beam")
    assert response.cached
    assert response.decoding.beam_width == 40
    assert "forward" not in {timing.stage for timing in response.timings}
    assert jiwer.cer(clip.text, response.text.lower()) <= jiwer.cer(
        clip.text, first["text"].lower()
    )


def test_hotwords_reach_the_beam(client: Client, clip: Clip) -> None:
    answer = client.predict(
        handle_file(str(clip.path)), hotwords="zorgon, blibber", api_name="/transcribe"
    )

    assert answer["decoding"]["hotwords"] == ["zorgon", "blibber"]
    assert is_transcript(clip, answer["text"])


@pytest.mark.parametrize("again", [False, True], ids=["file", "request_id"])
def test_text_is_aligned(client: Client, clip: Clip, again: bool) -> None:
    text = f"{clip.text.capitalize()} — 日本!"
    where = {"audio": handle_file(str(clip.path))}
    if again:
        first = client.predict(where["audio"], api_name="/transcribe")
        where = {"request_id": first["request_id"]}

    answer = client.predict(**where, text=text, api_name="/align")

    response = schema.AlignmentResponse.model_validate(answer)
    assert [word.text for word in response.words] == [*text.replace(" —", "").split()]
    assert response.words[-1].wildcard
    assert response.cached or not again
    starts = [word.start for word in response.words]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "code"),
    [
        ("/transcribe", {"beam_width": 100_000}, "decoder.bad_value"),
        ("/transcribe", {"lm_weight": "nan"}, "decoder.bad_value"),
        ("/transcribe", {"decoder": "viterbi"}, "decoder.unknown"),
        ("/analyze", {"hotwords": "\n".join(map("name{}".format, range(10_000)))},
         "hotwords.too_many"),
        ("/align", {"text": ""}, "align.empty_text"),
        ("/align", {"text": "far too much " * 1000}, "align.text_too_long"),
    ],
)  # fmt: skip
def test_invalid_request_is_rejected_with_a_code(
    client: Client, clip: Clip, endpoint: str, arguments: dict, code: str
) -> None:
    answer = client.predict(audio=handle_file(str(clip.path)), **arguments, api_name=endpoint)

    response = schema.ErrorResponse.model_validate(answer)
    assert response.error.code == code
    assert response.error.hint


def test_request_that_is_not_cached_is_rejected(client: Client) -> None:
    answer = client.predict("00000000-0000-0000-0000-000000000000", api_name="/decode")

    assert answer["error"]["code"] == "task.not_cached"


def test_call_without_options_gets_their_defaults(server: RunningServer, clip: Clip) -> None:
    files = {"files": (clip.path.name, clip.path.read_bytes())}
    (path,) = httpx.post(f"{server.url}/gradio_api/upload", files=files).json()
    url = f"{server.url}/gradio_api/call/transcribe"
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, "auto"]

    event = httpx.post(url, json={"data": data}).json()["event_id"]
    answer = httpx.get(f"{url}/{event}", timeout=30).text

    assert answer.startswith("event: complete")
    assert '"cached"' in answer


def test_failure_is_json_with_code_and_hint(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("not a sound")

    answer = client.predict(handle_file(str(path)), api_name="/transcribe")

    response = schema.ErrorResponse.model_validate(answer)
    assert response.error.code == "audio.not_audio"
    assert response.error.hint


@pytest.mark.parametrize("endpoint", ["transcribe", "analyze"])
def test_file_of_the_server_cannot_be_read_by_its_path(
    server: RunningServer, clip: Clip, endpoint: str
) -> None:
    url = f"{server.url}/gradio_api/call/{endpoint}"
    stolen = {"path": str(clip.path), "meta": {"_type": "gradio.FileData"}}

    event = httpx.post(url, json={"data": [stolen, "auto"]}).json()["event_id"]
    answer = httpx.get(f"{url}/{event}", timeout=30).text

    assert answer.startswith("event: error")
    assert "words" not in answer
    assert str(clip.path.parent) not in answer


def test_client_cannot_make_the_server_fetch_an_address(server: RunningServer) -> None:
    url = f"{server.url}/gradio_api/call/transcribe"
    elsewhere = {"path": "http://192.0.2.1/a.wav", "meta": {"_type": "gradio.FileData"}}

    event = httpx.post(url, json={"data": [elsewhere, "auto"]}).json()["event_id"]
    answer = httpx.get(f"{url}/{event}", timeout=30).text

    assert answer.startswith("event: error")
    assert "addresses are not fetched" in answer


def test_events_of_the_page_are_not_endpoints(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]

    assert set(named) == {
        "/transcribe", "/analyze", "/decode", "/align", "/capabilities", "/status", "/compare",
        "/explore", "/explain", "/find", "/layers",
    }  # fmt: skip


def test_openai_route_answers(server: RunningServer, clip: Clip) -> None:
    answer = httpx.post(
        f"{server.url}/v1/audio/transcriptions",
        files={"file": (clip.path.name, clip.path.read_bytes())},
        data={"model": "whisper-1", "response_format": "verbose_json"},
        timeout=30,
    )

    assert answer.status_code == 200
    assert jiwer.cer(clip.text, answer.json()["text"].lower()) <= MAX_CER


def test_openai_route_accepts_hotwords_and_aligns(server: RunningServer, clip: Clip) -> None:
    files = {"file": (clip.path.name, clip.path.read_bytes())}

    transcript = httpx.post(
        f"{server.url}/v1/audio/transcriptions",
        files=files,
        data={"prompt": "Zorgon, Blibber", "decoder": "beam", "response_format": "verbose_json"},
        timeout=30,
    ).json()
    subtitles = httpx.post(
        f"{server.url}/v1/audio/alignments",
        files=files,
        data={"text": clip.text.capitalize() + "!", "response_format": "srt"},
        timeout=30,
    )

    assert transcript["decoding"]["hotwords"] == ["Zorgon", "Blibber"]
    assert transcript["decoder"] == "beam"
    assert is_transcript(clip, transcript["text"])
    assert subtitles.status_code == 200
    spoken = " ".join(
        line for line in subtitles.text.splitlines() if line and not line[0].isdigit()
    )
    assert spoken == clip.text.capitalize() + "!"


def test_health_and_metrics_are_served(server: RunningServer) -> None:
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    assert "wav2vec2_tasks" in httpx.get(f"{server.url}/metrics").text


def test_documented_client_script_works(server: RunningServer, clip: Clip, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    script = next(block for block in blocks if "gradio_client" in block)
    path = tmp_path / "client.py"
    path.write_text(script)

    done = subprocess.run(
        [sys.executable, str(path), server.url, str(clip.path)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert jiwer.cer(clip.text, done.stdout.splitlines()[0].lower()) <= MAX_CER


def test_documented_examples_of_json_are_json() -> None:
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)

    examples = [json.loads(block) for block in blocks]
    answers = [one for one in examples if "mcpServers" not in one]
    assert len(answers) == len(examples) - 1
    schema.TranscriptionResponse.model_validate(answers[0])
    schema.AlignmentResponse.model_validate(answers[1])
    schema.ErrorResponse.model_validate(answers[2])
