import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from docx import Document

from tests.doubles import make_acoustics, make_alignment, make_audio, make_recognition
from wav2vec2_app.cli.analysis import AnalysisFormat, print_analysis
from wav2vec2_app.cli.decoding import output_options
from wav2vec2_app.cli.output import OutputOptions, print_result
from wav2vec2_app.cli.output_folder import OutputFolder
from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.server import schema
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult, Stage
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS, parse_export
from wav2vec2_app.speech.exports import EXPORT_FORMATS, ExportedFile

DEFAULTS = {one.name: "" if one.is_list else one.default for one in EXPORT_OPTIONS}
FILE = Path("some/talk.wav")


def make_result(text: str = "UM TWENTY ONE CATS") -> AudioResult:
    return AudioResult("id-1", make_audio(), (Stage("total", 0.0, 1.0),), make_recognition(text))


def put_out(result: AudioResult, how: OutputOptions, file: Path = FILE, text: str = "") -> None:
    wants = frozenset({Want.ALIGNMENT if text else Want.TRANSCRIPT})
    print_result(file, AudioTask(AudioSource(path=file), wants, text=text), result, how, many=False)


@pytest.mark.parametrize("row", EXPORT_FORMATS, ids=lambda row: row.name)
def test_file_is_saved_in_every_format(row, tmp_path: Path) -> None:
    how = OutputOptions((row.name,), folder=OutputFolder(tmp_path / "new" / "folder"))

    put_out(make_result(), how)

    assert (tmp_path / "new" / "folder" / f"talk.{row.ending}").stat().st_size


def test_saved_json_follows_its_schema(tmp_path: Path) -> None:
    put_out(make_result(), OutputOptions(("json",), folder=OutputFolder(tmp_path)))

    saved = json.loads((tmp_path / "talk.json").read_text("utf-8"))
    jsonschema.validate(saved, schema.json_schema("transcription"))


def test_recordings_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    how = OutputOptions(("text",), folder=OutputFolder(tmp_path))

    for folder in ("a", "b", "c"):
        put_out(make_result(f"from {folder}"), how, Path(folder) / "Talk.wav")

    texts = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert texts == {"Talk.txt": "from a\n", "Talk 2.txt": "from b\n", "Talk 3.txt": "from c\n"}


def test_file_of_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    for text in ("before", "after"):
        put_out(make_result(text), OutputOptions(("text",), folder=OutputFolder(tmp_path)))

    assert (tmp_path / "talk.txt").read_text("utf-8") == "after\n"


def test_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ResourceError) as caught:
        OutputFolder(tmp_path / "file").save(ExportedFile("a.txt", "text/plain", b""))

    assert caught.value.code == "export.unwritable"
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("kind", ["srt", "vtt", "ass", "ctm", "csv", "tsv", "textgrid"])
def test_text_formats_are_printed(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    put_out(make_result("HELLO"), OutputOptions((kind,)))

    assert "Hello" in capsys.readouterr().out


def test_name_is_before_the_text_of_several_files_only(capsys: pytest.CaptureFixture[str]) -> None:
    task = AudioTask(AudioSource(path=FILE))
    for kind in ("text", "csv"):
        print_result(FILE, task, make_result("HELLO"), OutputOptions((kind,)), many=True)

    printed = capsys.readouterr().out
    assert printed.startswith("talk.wav: Hello\nstart,end")


def test_document_goes_to_a_pipe_as_bytes(
    capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    put_out(make_result("HELLO"), OutputOptions(("docx",)))

    path = tmp_path / "a.docx"
    path.write_bytes(capsysbinary.readouterr().out)
    assert Document(str(path)).paragraphs[-1].text.endswith("Hello")


def test_printed_words_are_rewritten(capsys: pytest.CaptureFixture[str]) -> None:
    put_out(
        make_result(), OutputOptions(("text",), parse_export(fillers="remove", numbers="digits"))
    )

    assert capsys.readouterr().out == "21 cats\n"


def test_alignment_is_printed_word_by_word(capsys: pytest.CaptureFixture[str]) -> None:
    result = replace(make_result("hello world"), alignment=make_alignment("hello world"))

    put_out(result, OutputOptions(), text="hello world")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["hello", "world"]


# --- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize("formats", [["srt", "vtt"], ["text", "json", "docx"]])
def test_several_formats_need_a_folder(formats: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        output_options(formats, None, DEFAULTS)

    assert caught.value.code == "export.needs_folder"
    assert "--to" in caught.value.hint


def test_document_is_not_shown_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    with pytest.raises(InputError, match="terminal"):
        output_options(["docx"], None, DEFAULTS)
    assert output_options(["srt"], None, DEFAULTS).output == "srt"


def test_format_given_twice_is_written_once(tmp_path: Path) -> None:
    assert output_options(["srt", "srt"], tmp_path, DEFAULTS).formats == ("srt",)


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    rules = tmp_path / "rules.txt"
    rules.write_text("cat = dog\n\nacme corp = ACME\n", "utf-8")

    how = output_options(["text"], None, {**DEFAULTS, "replacements": f"@{rules}"})

    assert how.export.replacements == ("cat = dog", "acme corp = ACME")


# --- analyses -----------------------------------------------------------------------------------


def analyzed(clipped: float = 0.0) -> AudioResult:
    return replace(make_result(), acoustics=make_acoustics(clipped=clipped))


@pytest.mark.parametrize(
    ("form", "begin"),
    [("text", "Loudness"), ("csv", "measure,value,unit,meaning"), ("frames", "time_s,f0_hz")],
)
def test_analysis_is_printed(form: str, begin: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_analysis(FILE, analyzed(), AnalysisFormat(form), many=False)

    assert capsys.readouterr().out.startswith(begin)


def test_analysis_is_printed_as_json_with_the_name_of_the_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_analysis(FILE, analyzed(0.1), AnalysisFormat.JSON, many=True)

    printed = json.loads(capsys.readouterr().out)
    assert printed["file"] == "talk.wav"
    assert printed["acoustics"]["summary"]["words_per_minute"] > 0
    assert "clipped" in printed["acoustics"]["warnings"][0]


def test_clipped_recording_is_warned_of_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_analysis(FILE, analyzed(0.1), AnalysisFormat.TEXT, many=True)

    printed = capsys.readouterr()
    assert printed.out.startswith("talk.wav\n")
    assert "expect errors" in printed.err.replace("\n", " ")
