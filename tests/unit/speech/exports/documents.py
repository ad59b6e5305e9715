"""Documents to export, and their files as other tools read them."""

from __future__ import annotations

from pathlib import Path

from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.exports import (
    EXPORT_FORMAT,
    ExportCharacter,
    ExportDocument,
    ExportWord,
    exported,
)

TEXTS = {
    "plain": "good morning i was about to make some coffee",
    "accents": "où est le café où naïve Müller führt señor",
    "other scripts": "Привет мир γειά שלום مرحبا नमस्ते",
    "han and kana": "今天 天气 很好 ありがとう ございます",
    "quotes": "\"he\" said 'so' “and” «left» 5\" O'Brien",
    "markup": "<b>bold</b> {\\i1}tag{\\i0} & <script>alert(1)</script> a-->b",
    "backslashes": "C:\\Nnew \\h \\n {\\k20}sing \\",
    "separators": "a,b c;d =1+1 @x -y | 1,000",
    "emoji": "👩‍👩‍👧 family 🎉 party 🇩🇪",
    "long words": f"{'donaudampfschiff' * 6} short {'x' * 120}",
    "one": "hello",
}


def make_words(text: str, *, channels: bool = False, step_s: float = 0.4) -> list[ExportWord]:
    return [
        ExportWord(word, at * step_s, at * step_s + 0.3, 0.9, 1 + at % 2 if channels else None)
        for at, word in enumerate(text.split())
    ]


def make_document(
    words: list[ExportWord], *, name: str = "my talk", duration_s: float | None = None
) -> ExportDocument:
    end = max((word.end for word in words), default=0.0)
    return ExportDocument(
        name=name,
        text=" ".join(word.text for word in words) + "\n",
        words=words,
        captions=words,
        duration_s=end + 0.5 if duration_s is None else duration_s,
        model="fake/wav2vec2",
        data={"text": " ".join(word.text for word in words)},
    )


def with_characters(word: ExportWord) -> ExportWord:
    length = (word.end - word.start) / len(word.text)
    characters = tuple(
        ExportCharacter(sign, word.start + length * at, word.start + length * (at + 1))
        for at, sign in enumerate(word.text.upper())
    )
    return ExportWord(word.text, word.start, word.end, word.confidence, characters=characters)


def file_of(
    document: ExportDocument, kind: str, folder: Path, options: ExportOptions = DEFAULT_EXPORT
) -> Path:
    file = exported(document, EXPORT_FORMAT[kind], options)
    path = folder / file.name
    path.write_bytes(file.content)
    return path
