"""Whether what labels speakers is installed: known before any work is done for it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from wav2vec2_app.errors import ModelError

SPEAKER_PACKAGES: Final = ("resemblyzer", "scipy", "torch")
"""The weights of the network, and what runs it; the worker uses nothing else of the first."""


def check_speaker_extra() -> None:
    """Check that speakers can be labelled on this server.

    Raises:
        ModelError: ``speakers.extra_missing``.
    """
    if any(find_spec(package) is None for package in SPEAKER_PACKAGES):
        raise ModelError(
            "Labelling speakers is not installed on this server.",
            code="speakers.extra_missing",
            severity="warning",
            hint="Install it with: pip install 'wav2vec2-app[speakers]', then: pip install --no-deps "
            "resemblyzer.",
        )
