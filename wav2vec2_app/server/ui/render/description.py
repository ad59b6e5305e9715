"""The answer to a question about the sound."""

from __future__ import annotations

from html import escape

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import units
from wav2vec2_app.speech.description import Description


def idle() -> str:
    """Before there is an answer."""
    return f'<p class="w-hint">{texts.DESCRIBED_IDLE}</p>'


def answer(found: Description) -> str:
    """The answer, and what it is about."""
    part = texts.DESCRIBED_PART.format(seconds=units.seconds(found.described_s))
    note = f"{part} {texts.DESCRIBED_NOTE}" if found.truncated else texts.DESCRIBED_NOTE
    info = f'<p class="w-hint">{escape(found.audio_info)}</p>' if found.audio_info else ""
    return (
        f'<div class="w-described" role="group" aria-label="{texts.DESCRIBED_HELP}">'
        f'<p class="w-described-question">{escape(found.question)}</p>'
        f'<p class="w-described-answer" dir="auto">{escape(found.answer)}</p>'
        f'{info}<p class="w-hint">{escape(note)}</p></div>'
    )
