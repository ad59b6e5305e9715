"""Whether speakers can be labelled is known without starting a worker."""

from __future__ import annotations

import pytest

from wav2vec2_app.errors import ModelError
from wav2vec2_app.server.service import speaker_extra
from wav2vec2_app.server.service.speaker_extra import SPEAKER_PACKAGES, check_speaker_extra


@pytest.mark.parametrize("missing", SPEAKER_PACKAGES)
def test_any_missing_package_is_an_error_with_the_command(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(
        speaker_extra, "find_spec", lambda name: None if name == missing else object()
    )

    with pytest.raises(ModelError) as caught:
        check_speaker_extra()

    assert caught.value.code == "speakers.extra_missing"
    assert "pip install" in caught.value.hint


def test_everything_installed_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_extra, "find_spec", lambda _: object())

    check_speaker_extra()
