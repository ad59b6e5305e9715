"""A document for word processors (Office Open XML): the text in paragraphs, each with its time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Final

from wav2vec2_app.speech.channels import turns, voice_of
from wav2vec2_app.speech.cues import WrittenWord
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.exports.document import ExportDocument, ExportWord, one_line
from wav2vec2_app.speech.signs import blank_between

PARAGRAPH_PAUSE_S: Final = 1.5
"""Silence after which a new paragraph begins, seconds."""
PARAGRAPH_S: Final = 30.0
"""Length from which a paragraph ends at the next short pause, seconds."""
SHORT_PAUSE_S: Final = 0.3


def to_docx(document: ExportDocument, _: ExportOptions) -> bytes:
    """A title, a line about the recording, and paragraphs that begin with their time."""
    from docx import Document  # half a second, needed for this format only
    from docx.shared import Pt, RGBColor

    file = Document()
    file.core_properties.title = one_line(document.name)
    file.core_properties.author = ""
    file.core_properties.comments = ""
    file.add_heading(one_line(document.name), level=1)
    about = file.add_paragraph().add_run(_about(document))
    about.font.size, about.font.color.rgb = Pt(9), RGBColor(0x60, 0x60, 0x60)
    for label, text in _paragraphs(document):
        paragraph = file.add_paragraph()
        paragraph.add_run(label).bold = True
        paragraph.add_run(f"  {text}")
    content = io.BytesIO()
    file.save(content)
    return content.getvalue()


def _about(document: ExportDocument) -> str:
    count = len(document.words)
    return one_line(
        f"{clock(document.duration_s)} · {count} {'word' if count == 1 else 'words'} · {document.model}"
    )


def _paragraphs(document: ExportDocument) -> Iterator[tuple[str, str]]:
    """The label and the text of each paragraph."""
    captions = document.captions
    if captions and isinstance(captions[0], WrittenWord):  # punctuation that has no time of its own
        words = [
            ExportWord(one.text, one.start, one.end, 0.0) for one in captions
        ]  # in the order of the text
        turns_of_text = [words]
    else:
        turns_of_text = turns(document.words)
    for turn in turns_of_text:
        for paragraph in _divided(turn):
            voice = one_line(voice_of(paragraph[0]))
            yield f"{voice + ' ' if voice else ''}{clock(paragraph[0].start)}", _joined(paragraph)


def _divided(turn: Sequence[ExportWord]) -> Iterator[list[ExportWord]]:
    paragraph: list[ExportWord] = []
    for word in turn:
        if paragraph:
            pause = word.start - paragraph[-1].end
            long = word.start - paragraph[0].start >= PARAGRAPH_S
            if pause >= (SHORT_PAUSE_S if long else PARAGRAPH_PAUSE_S):
                yield paragraph
                paragraph = []
        paragraph.append(word)
    if paragraph:
        yield paragraph


def _joined(words: Sequence[ExportWord]) -> str:
    text = ""
    for word in words:
        plain = one_line(word.text)
        text += f"{' ' * blank_between(text, plain)}{plain}"
    return text


def clock(seconds: float) -> str:
    """``0:07``, ``1:02:03``."""
    minutes, whole = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"
