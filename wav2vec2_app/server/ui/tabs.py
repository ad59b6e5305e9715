"""The state of each browser tab: what it shows and which of its requests are current."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from wav2vec2_app.server.ui.render.system import Choices
from wav2vec2_app.speech.audio import DEFAULT_TRACK_AND_MIX, DecodeAudioOptions
from wav2vec2_app.speech.options import DecodingOptions


@dataclass(frozen=True)
class FinishedRun:
    """The finished request whose transcript a tab shows: what can be decoded again, or aligned with."""

    task_id: str
    audio: str
    model: str
    decoding: DecodingOptions
    audio_options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX


@dataclass
class Tab:
    """One open page.

    Attributes:
        run: id of the newest task that writes the transcript; older ones must not overwrite it.
        transcribes: whether that task transcribes a recording (and does not only decode it again).
        transcribed: set while no recording is being transcribed.
        finished: what the tab shows, once it is finished.
        requested: options that were set while the recording was still being transcribed.
        alignment: id of the newest alignment.
        choices: the models that the tab offers.
    """

    run: str = ""
    transcribes: bool = False
    transcribed: asyncio.Event = field(default_factory=asyncio.Event)
    finished: FinishedRun | None = None
    requested: DecodingOptions | None = None
    alignment: str = ""
    choices: Choices = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transcribed.set()

    def begin_transcription(self, run: str) -> None:
        """Start a transcription and discard the previous result and its alignment."""
        self.run, self.transcribes, self.alignment = run, True, ""
        self.finished = self.requested = None
        self.transcribed.clear()

    def begin_decoding(self, run: str) -> None:
        """Start to decode the recording again; the previous result stays until there is a new one."""
        self.run = run

    def end(self, run: str) -> None:
        """A task has ended, successfully or not."""
        if self.run == run:
            self.run, self.transcribes = "", False
            self.transcribed.set()

    def take_requested(self) -> DecodingOptions | None:
        """The options that were set during the transcription; ``None`` the next time."""
        requested, self.requested = self.requested, None
        return requested


class Tabs:
    """All open pages, by their session."""

    def __init__(self) -> None:
        self._tabs: dict[str, Tab] = {}

    def of(self, session: str) -> Tab:
        """The tab of a session."""
        return self._tabs.setdefault(session, Tab())

    def forget(self, session: str) -> None:
        """Discard the state of a tab; requests of it that still run write nothing any more."""
        tab = self._tabs.pop(session, None)
        if tab is not None:
            tab.run = tab.alignment = ""
            tab.transcribed.set()
