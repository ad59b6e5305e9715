import pytest

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.exports import EXPORT_FORMATS, format_named
from wav2vec2_app.speech.exports.document import MAX_STEM_CHARACTERS, file_stem


def test_names_and_endings_of_formats_are_unique() -> None:
    for values in ([row.name for row in EXPORT_FORMATS], [row.ending for row in EXPORT_FORMATS]):
        assert len(values) == len(set(values)) == 10


@pytest.mark.parametrize("row", EXPORT_FORMATS, ids=lambda row: row.name)
def test_format_is_found_by_its_name_and_its_ending(row) -> None:
    for name in (row.name, row.ending, row.name.upper(), f".{row.ending}", f" {row.name} "):
        assert format_named(name) is row


@pytest.mark.parametrize("name", ["", "pdf", "exe", "srt.exe", "../srt", "s" * 1000])
def test_unknown_format_is_explained(name: str) -> None:
    with pytest.raises(InputError, match="no export format") as caught:
        format_named(name)

    assert caught.value.code == "export.unknown_format"
    assert "srt" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("talk.wav", "talk"),
        ("my.talk.flac", "my.talk"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\talk.mp3", "talk"),
        ("a/b/c.ogg", "c"),
        ("noending", "noending"),
        (".wav", ".wav".strip(".")),
        ("...", "recording"),
        ("", "recording"),
        ("a<b>c:d|e?f*g.wav", "a b c d e f g"),
        ("line\nbreak.wav", "line break"),
        ("nul\x00l.wav", "null"),
        ("x" * 500 + ".wav", "x" * MAX_STEM_CHARACTERS),
        ("Gespräch über 你好.m4a", "Gespräch über 你好"),
    ],
)
def test_file_is_named_after_the_recording(name: str, stem: str) -> None:
    assert file_stem(name) == stem
