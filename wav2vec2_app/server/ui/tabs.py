"""The state of each browser tab: what it shows and which of its requests are current."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.ui.alignment_view import AlignmentView
from wav2vec2_app.server.ui.render.system import Choices
from wav2vec2_app.speech.acoustics import Acoustics
from wav2vec2_app.speech.audio import DEFAULT_TRACK_AND_MIX, DecodeAudioOptions
from wav2vec2_app.speech.channels import has_speakers
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.picture_window import FIRST_WINDOW, PictureWindow
from wav2vec2_app.speech.transcript import Transcript


@dataclass(frozen=True)
class FinishedRun:
    """The finished request whose transcript a tab shows: what can be decoded again, or aligned with."""

    task_id: str
    audio: str
    model: str
    decoding: DecodingOptions
    audio_options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX
    result: AudioResult | None = None
    """What its files are made from."""

    @property
    def labelled(self) -> bool:
        """Whether its words have speakers."""
        transcript = self.result.transcript if self.result is not None else None
        return transcript is not None and has_speakers(transcript.words)


@dataclass
class Tab:
    """One open page.

    Attributes:
        run: id of the newest task that writes the transcript; older ones must not overwrite it.
        transcribes: whether that task transcribes a recording (and does not only decode it again).
        transcribed: set while no recording is being transcribed.
        finished: what the tab shows, once it is finished.
        earlier: what it showed before; it shows it again if there is no new result.
        requested: options that were set while the recording was still being transcribed.
        alignment: id of the newest alignment.
        description: id of the newest description.
        choices: the models that the tab offers.
        export: how the files of the tab are written.
        aligned: the newest alignment that the tab shows.
        measured: the acoustic analysis, with the task whose recording it is of, and its transcript.
        drawing, window: the newest task that only draws, and the part that the pictures show.
    """

    run: str = ""
    transcribes: bool = False
    transcribed: asyncio.Event = field(default_factory=asyncio.Event)
    finished: FinishedRun | None = None
    earlier: FinishedRun | None = None
    requested: DecodingOptions | None = None
    alignment: str = ""
    description: str = ""
    choices: Choices = field(default_factory=list)
    export: ExportOptions = DEFAULT_EXPORT
    aligned: AlignmentView | None = None
    measured: tuple[str, Acoustics, Transcript | None] | None = None
    drawing: str = ""
    window: PictureWindow = FIRST_WINDOW

    def __post_init__(self) -> None:
        self.transcribed.set()

    def begin_transcription(self, run: str) -> None:
        """Start a transcription; its result replaces the previous one and its alignment."""
        self.run, self.transcribes = run, True
        self.alignment = self.description = ""
        self.earlier = self.finished or self.earlier
        self.finished = self.requested = self.aligned = self.measured = None
        self.drawing, self.window = "", FIRST_WINDOW
        self.transcribed.clear()

    def begin_decoding(self, run: str) -> None:
        """Start to decode the recording again; the previous result stays until there is a new one."""
        self.run, self.drawing = run, ""

    def end(self, run: str) -> None:
        """A task has ended, successfully or not."""
        if self.run == run:
            self.run, self.transcribes = "", False
            self.finished = self.finished or self.earlier
            self.transcribed.set()

    def clear(self) -> None:
        """Discard what the tab shows: its recording was removed."""
        self.run, self.transcribes, self.alignment, self.drawing = "", False, "", ""
        self.finished = self.earlier = self.requested = self.aligned = self.measured = None
        self.transcribed.set()

    def take_requested(self) -> DecodingOptions | None:
        """The options that were set during the transcription; ``None`` the next time."""
        requested, self.requested = self.requested, None
        return requested


MAX_TABS = 2000
"""Tabs whose state is kept: clients choose the ids of sessions."""


class Tabs:
    """All open pages, by their session; above the limit, those idle for longest are forgotten."""

    def __init__(self, limit: int = MAX_TABS) -> None:
        self._limit = limit
        self._tabs: OrderedDict[str, Tab] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tabs)

    def of(self, session: str) -> Tab:
        """The tab of a session."""
        tab = self._tabs.setdefault(session, Tab())
        self._tabs.move_to_end(session)
        if len(self._tabs) > self._limit:
            idle = (name for name, one in self._tabs.items() if not one.run and name != session)
            self.forget(next(idle, next(iter(self._tabs))))
        return tab

    def forget(self, session: str) -> None:
        """Discard the state of a tab; requests of it that still run write nothing any more."""
        tab = self._tabs.pop(session, None)
        if tab is not None:
            tab.run = tab.alignment = tab.description = tab.drawing = ""
            tab.transcribed.set()
