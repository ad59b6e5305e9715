"""Makes stdout and stderr accept every character, whatever encoding the console has."""

from __future__ import annotations

import io
import sys
from typing import Final

ESCAPE: Final = "backslashreplace"
"""What a console cannot show is written as an escape (``\\\\u0141``), so that nothing is lost."""


def accept_every_character() -> None:
    """Escape the characters that stdout or stderr cannot encode instead of failing at them.

    These are letters that the console's encoding lacks (cp1252, ASCII), and the bytes of a file name that
    are not UTF-8, which Python represents as lone surrogates.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)


def shows_unicode() -> bool:
    """Whether stdout has an encoding with every character."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "").startswith("utf")
