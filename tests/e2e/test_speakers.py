"""Speakers in a real browser: labelled on request, renamed once for the page and for files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from tests.e2e.test_page import upload
from tests.integration.test_speakers import conversation

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("resemblyzer") is None or importlib.util.find_spec("scipy") is None,
    reason="the extra `speakers` is not installed",
)


@pytest.fixture
def talk_of_two(tmp_path: Path) -> Path:
    audio, _ = conversation()
    path = tmp_path / "two.wav"
    soundfile.write(path, np.asarray(audio.samples), 16_000)
    return path


def test_speakers_are_labelled_and_renamed(page: Page, talk_of_two: Path) -> None:
    page.locator("#track-and-channels > button").click()
    page.get_by_label("Label speakers").check()
    upload(page, talk_of_two)
    page.wait_for_selector("#status [data-state=done]")
    page.wait_for_selector("#w-speakers input")

    labels = page.locator("#transcript .w-channel")
    expect(labels).to_have_text(["Speaker 1:", "Speaker 2:", "Speaker 1:", "Speaker 2:"])
    field = page.get_by_label("Name of Speaker 2")
    field.fill("  <b>Ben</b> ")
    field.press("Enter")

    expect(labels).to_have_text(["Speaker 1:", "<b>Ben</b>:", "Speaker 1:", "<b>Ben</b>:"])
    exported = page.evaluate("wav2vec2Page.fileText('transcript.txt')")
    assert exported.startswith("Speaker 1: ")
    assert exported.count("\n<b>Ben</b>: ") == 2
    assert "<v &lt;b&gt;Ben" in page.evaluate("wav2vec2Page.fileText('transcript.vtt')")

    page.get_by_label("Name of Speaker 1").fill("<b>Ben</b>")
    page.get_by_label("Name of Speaker 1").press("Enter")
    expect(page.get_by_label("Name of Speaker 1")).to_have_value("Speaker 1")
    field.fill("")
    field.press("Enter")
    expect(labels.nth(1)).to_have_text("Speaker 2:")
