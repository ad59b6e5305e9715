"""Advanced SubStation Alpha subtitles; with karaoke tags, players highlight each word as it is spoken.

Source: libass, "ASS file format" (github.com/libass/libass/wiki), and the specification of SSA v4+.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from wav2vec2_app.speech.channels import voice_of
from wav2vec2_app.speech.cues import Cue, CuePiece, TimedText, blank_before
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.exports.document import ExportDocument, one_line
from wav2vec2_app.speech.subtitles import channel_cues

_HEADER: Final = """[Script Info]
Title: {title}
ScriptType: v4.00+
WrapStyle: 2
ScaledBorderAndShadow: yes
PlayResX: 1920
PlayResY: 1080

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding
Style: Default,Arial,64,&H00FFFFFF,&H00A0A0A0,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,80,80,60,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def to_ass(document: ExportDocument, options: ExportOptions) -> str:
    """The words as subtitles; the speaker or the channel is the name of a line."""
    karaoke = options.highlight == "karaoke"
    events = (_event(cue, karaoke=karaoke) for cue in channel_cues(document.captions, options))
    return _HEADER.format(title=one_line(document.name)) + "".join(events)


def _event(cue: Cue[TimedText], *, karaoke: bool) -> str:
    name = one_line(voice_of(cue.words[0])).replace(",", ";")  # fields are separated by commas
    text = _sung(cue) if karaoke else "\\N".join(_escaped(line) for line in cue.lines)
    return (
        f"Dialogue: 0,{_timestamp(cue.start)},{_timestamp(cue.end)},Default,{name},0,0,0,,{text}\n"
    )


def _sung(cue: Cue[TimedText]) -> str:
    """The lines with the length of each word, hundredths of a second; they count from the cue's start."""
    at = _hundredths(cue.start)
    lines = []
    for pieces in cue.pieces:
        line = ""
        for piece, blank in _with_blanks(pieces):
            start = max(at, _hundredths(piece.start))
            end = max(start, _hundredths(piece.end))
            pause = f"{{\\k{start - at}}}" if start > at else ""
            line += f"{blank}{pause}{{\\kf{end - start}}}{_escaped(piece.text)}"
            at = end
        lines.append(line)
    return "\\N".join(lines)


def _with_blanks(
    pieces: Sequence[CuePiece[TimedText]],
) -> Iterator[tuple[CuePiece[TimedText], str]]:
    yield pieces[0], ""
    for before, piece in pairwise(pieces):
        yield piece, " " * blank_before(before, piece)


def _escaped(text: str) -> str:
    """``text`` without what a player would take for a tag: a word joiner separates a backslash."""
    return one_line(text).replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _hundredths(seconds: float) -> int:
    return round(seconds * 100)


def _timestamp(seconds: float) -> str:
    minutes, hundredths = divmod(_hundredths(seconds), 6000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{hundredths // 100:02}.{hundredths % 100:02}"
