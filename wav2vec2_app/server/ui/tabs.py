"""What each browser tab shows and does, so that a newer wish replaces an older one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from wav2vec2_app.speech.options import DecodingOptions

Choices = list[tuple[str, str]]


@dataclass(frozen=True)
class Shown:
    """The finished run whose words a tab shows: what can be read again, or aligned."""

    task_id: str
    audio: str
    model: str
    decoding: DecodingOptions


@dataclass
class Tab:
    """One open page.

    Attributes:
        run: id of the newest task that writes words; older ones must not write over it.
        hears: whether that task listens to a recording (and does not only read it again).
        heard: set while nothing is being heard.
        shown: what the tab shows, once it is finished.
        wish: a decoding asked for while the recording was still being heard.
        alignment: id of the newest task that aligns.
        choices: the models that the tab has been told of.
    """

    run: str = ""
    hears: bool = False
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    shown: Shown | None = None
    wish: DecodingOptions | None = None
    alignment: str = ""
    choices: Choices = field(default_factory=list)

    def __post_init__(self) -> None:
        self.heard.set()

    def hear(self, run: str) -> None:
        """A recording is being heard: what was shown, and aligned, is of the past."""
        self.run, self.hears, self.shown, self.wish, self.alignment = run, True, None, None, ""
        self.heard.clear()

    def read(self, run: str) -> None:
        """What is shown is being read again."""
        self.run = run

    def end(self, run: str) -> None:
        """A task has ended, in whichever way."""
        if self.run == run:
            self.run, self.hears = "", False
            self.heard.set()

    def take_wish(self) -> DecodingOptions | None:
        """The decoding that was asked for meanwhile, once."""
        wish, self.wish = self.wish, None
        return wish


class Tabs:
    """All open pages, by their session."""

    def __init__(self) -> None:
        self._tabs: dict[str, Tab] = {}

    def of(self, session: str) -> Tab:
        """The tab of a session."""
        return self._tabs.setdefault(session, Tab())

    def forget(self, session: str) -> None:
        """The tab is closed, or shows nothing any more: what still runs for it writes nothing."""
        tab = self._tabs.pop(session, None)
        if tab is not None:
            tab.run = tab.alignment = ""
            tab.heard.set()
