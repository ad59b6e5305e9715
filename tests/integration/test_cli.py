"""The command line in this process, on real workers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.examples import clips
from wav2vec2_app.cli import app
from wav2vec2_app.speech.options import OPTION, OPTIONS

pytestmark = pytest.mark.integration

run = CliRunner()
CLIP = clips()[0].path


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAV2VEC2_MODEL", "embedded")


def test_transcribe_prints_the_text_alone_for_one_file() -> None:
    done = run.invoke(app, ["transcribe", str(CLIP)])

    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1
    assert ":" not in done.stdout


def test_transcribe_continues_after_a_bad_file_and_fails_at_the_end(tmp_path: Path) -> None:
    bad = tmp_path / "[red]bad.wav"
    bad.write_text("not a sound")

    done = run.invoke(app, ["transcribe", "--output", "json", str(bad), str(CLIP)])

    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert done.exit_code == 1
    assert first["error"]["code"] == "audio.not_audio"
    assert first["error"]["hint"]
    assert second["file"] == CLIP.name
    assert second["words"]
    assert "[red]bad.wav" in done.stderr


@pytest.mark.slow
def test_transcribe_says_why_there_is_no_text(tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "quiet.wav", np.zeros(16_000), 16_000)

    done = run.invoke(app, ["transcribe", str(tmp_path / "quiet.wav")])

    assert done.exit_code == 0
    assert done.stdout.strip() == ""
    assert "silence" in done.stderr


@pytest.mark.slow
def test_transcribe_has_an_option_for_each_row_of_the_table(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("zorgon\nblibber\n")
    numbers = {option.name: option.high / 2 for option in OPTIONS if option.is_number}
    numbers["beam_width"] = 12
    values = {**numbers, "decoder": "beam", "hotwords": f"@{names}"}
    arguments = [
        part
        for name, value in values.items()
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]

    done = run.invoke(app, ["transcribe", "-o", "json", *arguments, str(CLIP)])

    assert done.exit_code == 0
    assert values.keys() == OPTION.keys()
    assert json.loads(done.stdout)["decoding"] == {**values, "hotwords": ["zorgon", "blibber"]}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--beam-width", "0"], "decoder.bad_value"),
        (["--lm-weight", "nan"], "decoder.bad_value"),
        (["--hotwords", ",".join(f"w{number}" for number in range(1001))], "hotwords.too_many"),
        (["--hotwords", "@nowhere.txt"], "text.unreadable"),
    ],
)
def test_invalid_options_are_rejected_immediately(options: list[str], code: str) -> None:
    done = run.invoke(app, ["transcribe", *options, str(CLIP)])

    assert done.exit_code == 2
    assert code in done.stderr


def test_align_says_when_each_word_is_spoken(tmp_path: Path) -> None:
    text = tmp_path / "said.txt"
    text.write_text(clips()[0].text.capitalize() + " — 日本!", encoding="utf-8")

    done = run.invoke(app, ["align", str(CLIP), str(text)])

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert len(lines) == len(clips()[0].text.split()) + 1
    assert float(lines[0].split()[0]) < float(lines[0].split()[1])
    assert lines[-1].split()[2:] == ["any", "日本!"]


@pytest.mark.slow
def test_align_writes_subtitles_of_the_text_as_written(tmp_path: Path) -> None:
    text = tmp_path / "said.txt"
    text.write_text("« Good morning » — I was about to make some coffee; would you like a cup?")

    done = run.invoke(app, ["align", "-o", "srt", str(CLIP), str(text)])

    assert done.exit_code == 0
    assert "« Good morning » — I was" in done.stdout
    assert done.stdout.startswith("1\n00:00:00,")


@pytest.mark.slow
def test_letter_case_and_lines_are_options(tmp_path: Path) -> None:
    arguments = ["--letter-case", "raw", "--line-characters", "16", "--max-lines", "1"]

    done = run.invoke(app, ["transcribe", "-o", "srt", *arguments, str(CLIP)])

    lines = [line for line in done.stdout.splitlines() if line and not line[0].isdecimal()]
    assert done.exit_code == 0
    assert lines
    assert all(len(line) <= 16 for line in lines)


@pytest.mark.slow
def test_align_gives_subtitles_new_times(tmp_path: Path) -> None:
    text = tmp_path / "said.srt"
    first, *rest = clips()[0].text.split()
    text.write_text(
        f"1\n00:01:00,000 --> 00:01:02,000\n{first}\n\n"
        f"2\n00:01:02,000 --> 00:01:04,000\n{' '.join(rest)}\n"
    )

    done = run.invoke(app, ["align", "-o", "srt", str(CLIP), str(text)])

    blocks = done.stdout.strip().split("\n\n")
    assert [block.splitlines()[2] for block in blocks] == [first, " ".join(rest)]
    assert all(block.splitlines()[1].startswith("00:00:0") for block in blocks)


def test_align_rejects_an_empty_text(tmp_path: Path) -> None:
    text = tmp_path / "said.txt"
    text.write_text(" \n")

    done = run.invoke(app, ["align", str(CLIP), str(text)])

    assert done.exit_code == 2
    assert "align.empty_text" in done.stderr


@pytest.mark.slow
def test_doctor_names_model_device_and_workers() -> None:
    done = run.invoke(app, ["doctor"])

    assert done.exit_code == 0
    for word in ("torch", "embedded", "cpu", "worker inference", "Ready"):
        assert word in done.stdout


def test_doctor_says_why_the_workers_cannot_start(tmp_path: Path) -> None:
    done = run.invoke(app, ["doctor"], env={"WAV2VEC2_MODEL": str(tmp_path)})

    assert done.exit_code == 1
    assert "config.json" in done.stderr


def test_wrong_setting_is_named() -> None:
    done = run.invoke(app, ["doctor"], env={"WAV2VEC2_PORT": "many"})

    assert done.exit_code == 2
    assert "WAV2VEC2_PORT" in done.stderr


def test_serve_takes_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    monkeypatch.setattr("wav2vec2_app.server.serve.run", served.append)

    done = run.invoke(app, ["serve", "--port", "8123", "--host", "127.0.0.2"])

    assert done.exit_code == 0
    assert [(settings.host, settings.port) for settings in served] == [("127.0.0.2", 8123)]


# --- consoles that are not UTF-8 ------------------------------------------------------------------

NAMES = ["Łódź 東京 🎤.wav", os.fsdecode(b"caf\xe9.wav"), "naïve ‘x’.wav"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_no_name_of_a_file_stops_the_command(tmp_path: Path, encoding: str) -> None:
    for name in NAMES:
        shutil.copy(CLIP, tmp_path / name)
    (tmp_path / "schlecht ż.wav").write_text("not a sound")

    done = subprocess.run(
        [sys.executable, "-c", "from wav2vec2_app.cli import main; main()",
         "transcribe", "--output", "json", *map(str, sorted(tmp_path.iterdir()))],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip

    results = [json.loads(line) for line in done.stdout.decode(encoding).splitlines()]
    assert {result["file"] for result in results} == {path.name for path in tmp_path.iterdir()}
    assert sum("words" in result for result in results) == len(NAMES)
    assert b"Traceback" not in done.stderr


# --- compare --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_compare_prints_texts_cost_and_word_errors() -> None:
    reference = clips()[0].text

    done = run.invoke(app, ["compare", str(CLIP), "--reference", reference, "--json"])

    assert done.exit_code == 0, done.stderr
    body = json.loads(done.stdout)
    greedy, beam = body["variants"]
    assert (greedy["decoder"], beam["decoder"]) == ("greedy", "beam")
    assert greedy["word_errors"]["rate"] >= beam["word_errors"]["rate"]
    assert beam["memory_bytes"] > 10**6
    assert beam["work_s"] > 0
    assert body["synthesis"]["words"][0]["origins"]


@pytest.mark.slow
def test_compare_prints_a_text_for_each_variant_and_goes_on_after_one_fails() -> None:
    done = run.invoke(
        app, ["compare", str(CLIP), "--model", "embedded", "--model", "missing/model"]
    )

    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("embedded: ")
    assert "synthesis: " in done.stdout
    assert "missing/model" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--decoder", "greedy"], "compare.too_few"),
        (["--decoder", "greedy", "--decoder", "best"], "decoder.unknown"),
        (["--weight", "greedy=-1"], "synthesis.bad_weight"),
        (["--conflict-resolution", "newest"], "synthesis.unknown_resolution"),
        (["--quality-threshold", "2"], "synthesis.bad_value"),
        (["--reference", "@no-such-file"], "text.unreadable"),
    ],
)
def test_compare_rejects_bad_options_before_it_starts(arguments: list[str], code: str) -> None:
    done = run.invoke(app, ["compare", str(CLIP), *arguments])

    assert done.exit_code == 2
    assert code in done.stderr


@pytest.mark.slow
def test_analyze_prints_the_measures_of_the_sound_and_of_the_words() -> None:
    done = run.invoke(app, ["analyze", "--output", "csv", str(CLIP)])

    assert done.exit_code == 0, done.stderr
    measures = {line.split(",")[0] for line in done.stdout.splitlines()}
    assert {"loudness_lufs", "f0_median_hz", "jitter_percent", "f1_median_hz"} <= measures
    assert {"words_per_minute", "pauses"} <= measures


@pytest.mark.slow
def test_find_prints_the_places_of_a_word_and_goes_on_after_a_bad_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not a sound")
    transcript = clips()[0].text.split()
    word = max(transcript, key=len)

    done = run.invoke(app, ["find", word, str(CLIP), "--limit", "2"])
    both = run.invoke(app, ["find", word, str(bad), str(CLIP), "--json", "--min-score", "0.3"])
    refused = run.invoke(app, ["find", "日本", str(CLIP)])
    empty = run.invoke(app, ["find", " ", str(CLIP)])

    score, start, end = map(float, done.stdout.splitlines()[0].split())
    assert done.exit_code == 0
    assert 0 < score <= 1
    assert 0 <= start < end
    first, second = (json.loads(line) for line in both.stdout.splitlines())
    assert both.exit_code == 1
    assert first["error"]["code"] == "audio.not_audio"
    assert second["file"] == CLIP.name
    assert second["hits"][0]["start"] == pytest.approx(start, abs=0.01)
    assert all(hit["score"] >= 0.3 for hit in second["hits"])
    assert (refused.exit_code, empty.exit_code) == (1, 2)
    assert "find.no_letters" in refused.stderr
    assert "find.no_query" in empty.stderr


@pytest.mark.slow
def test_several_formats_are_saved_in_a_folder(tmp_path: Path) -> None:
    arguments = ["--output", "textgrid", "--output", "docx", "--to", str(tmp_path / "out")]

    done = run.invoke(app, ["transcribe", *arguments, "--numbers", "digits", str(CLIP)])

    assert done.exit_code == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{CLIP.stem}.TextGrid", f"{CLIP.stem}.docx",
    }  # fmt: skip
