"""What is known of Whisper checkpoints from their names: the languages that they transcribe."""

from __future__ import annotations

from typing import Final

from wav2vec2_app.speech.languages import language_code

_CODES: Final = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi
hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn
no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi
yi yo yue zh
"""
WHISPER_LANGUAGES: Final = tuple(_CODES.split())
"""The codes that multilingual checkpoints know; ``yue`` only since large-v3."""

WITHOUT_SPACES: Final = frozenset({"ja", "lo", "my", "th", "yue", "zh"})
"""Languages that are written without spaces between words."""

_ENGLISH_ONLY: Final = (".en", "distil-large-v2", "distil-large-v3", "distil-large-v3.5-ct2")


def is_english_only(name: str) -> bool:
    """Whether a checkpoint's name says that it transcribes English only."""
    return name.lower().endswith(_ENGLISH_ONLY)


def whisper_code(language: str) -> str:
    """The code that Whisper has for a language: that of :func:`language_code`, but ``jw`` for Javanese.

    Empty if any language is meant.
    """
    code = language_code(language)
    return "jw" if code == "jv" else code
