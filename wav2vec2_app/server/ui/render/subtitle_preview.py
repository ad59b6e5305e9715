"""How the first subtitles of a transcript look with the export options."""

from __future__ import annotations

from html import escape
from typing import Final

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import units
from wav2vec2_app.speech.channels import voice_label
from wav2vec2_app.speech.cues import Cue
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.exports import ExportWord
from wav2vec2_app.speech.subtitles import channel_cues
from wav2vec2_app.speech.transcript import Transcript
from wav2vec2_app.speech.writing.transcripts import written

SHOWN: Final = 3
"""So many subtitles are shown."""
WORDS: Final = 120
"""Words from which they are made: more than fit into them."""
WORD_S: Final = 0.32
"""Length of a word of the sample, which is shown before there is a transcript, seconds."""


def preview(transcript: Transcript | None, options: ExportOptions = DEFAULT_EXPORT) -> str:
    """The first subtitles of a transcript, or of a sample sentence."""
    words = _spoken(transcript, options) if transcript and transcript.words else _sample()
    cues = channel_cues(words, options)[:SHOWN]
    label = texts.SUBTITLE_PREVIEW if transcript and transcript.words else texts.SUBTITLE_SAMPLE
    items = "".join(_cue(cue, karaoke=options.highlight == "karaoke") for cue in cues)
    return (
        f'<div class="w-subtitles" role="group" aria-label="{label}"><p class="w-hint">{label}</p>'
        f"<ol>{items}</ol></div>"
    )


def _cue(cue: Cue[ExportWord], *, karaoke: bool) -> str:
    times = texts.SUBTITLE_TIMES.format(
        start=units.seconds(cue.start), length=units.seconds(cue.end - cue.start)
    )
    lines = list(map(escape, cue.lines))
    if karaoke:
        first, _, rest = lines[0].partition(" ")
        lines[0] = f"<b>{first}</b> {rest}"
    label = escape(voice_label(cue.words[0]))
    return f"<li><span>{times}</span><p>{label}{'<br>'.join(lines)}</p></li>"


def _spoken(transcript: Transcript, options: ExportOptions) -> list[ExportWord]:
    """The first words as they are written."""
    first = Transcript(
        " ".join(word.text for word in transcript.words[:WORDS]),
        transcript.words[:WORDS],
        transcript.confidence,
        transcript.duration_s,
        transcript.model,
    )
    return [
        ExportWord(word.text, word.start_s, word.end_s, word.confidence, word.channel)
        for word in written(first, options).words
    ]


def _sample() -> list[ExportWord]:
    words = texts.SUBTITLE_SAMPLE_TEXT.split()
    return [ExportWord(text, at * WORD_S, (at + 1) * WORD_S, 1.0) for at, text in enumerate(words)]
