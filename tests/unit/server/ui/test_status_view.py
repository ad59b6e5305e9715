"""The status view: a page of its own, rendered from the state and the recent past."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import FastAPI

from tests.doubles import FakeAdapter, FakeClock, make_audio, make_memory, make_task
from tests.unit.conftest import Start
from wav2vec2_app.errors import InternalError, WorkerDiedError
from wav2vec2_app.server.api import status_page
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.events import BreakerEvent, Done, Failed, WorkerEvent
from wav2vec2_app.server.monitoring.history import HISTORY_S, History
from wav2vec2_app.server.results import AudioResult, Stage
from wav2vec2_app.server.status import AdapterStatus, OrchestratorStatus, WorkerStatus
from wav2vec2_app.server.ui.render import charts
from wav2vec2_app.server.ui.status_view import BINS, page, view

WORKERS = (
    WorkerStatus("audio", "ready", 101, 1, 0, 1.25, 75.0, 12.0, "<b>was killed</b>", 2),
    WorkerStatus("inference", "down", None, 5, 0),
)


def status(*workers: WorkerStatus) -> OrchestratorStatus:
    adapter = AdapterStatus("fake", ready=not workers, workers=workers, memory=make_memory())
    return OrchestratorStatus(2, 1, 32, 3.5, None, (adapter,), {"gama.describe": "open"})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def history(clock: FakeClock) -> History:
    return History(clock)


class Balanced(HTMLParser):
    """Fails at a tag that is closed but was not opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("i", "meta", "link", "rect", "polyline") or tag == "i":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Nothing is left open."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "polyline"):
            assert self.open.pop() == tag
        elif self.open and self.open[-1] == tag:
            self.open.pop()


def test_workers_have_pid_age_restarts_and_the_reason_of_their_last_exit(history: History) -> None:
    shown = view(status(*WORKERS), history)

    for text in ("101", "1 min 15 s", "1.25 s", "12.0 s", "&lt;b&gt;was killed&lt;/b&gt;"):
        assert text in shown
    assert 'data-state="down"' in shown
    assert "<b>was killed" not in shown


def test_queue_and_breakers_are_shown(history: History) -> None:
    shown = view(status(), history)

    assert "2 / 32" in shown
    assert "3.50 s" in shown
    assert '<li data-state="open"><code>gama.describe</code> open</li>' in shown


def test_requests_are_counted_and_drawn(history: History, clock: FakeClock) -> None:
    for _ in range(3):
        history(Done(make_task(), 1.0, AudioResult("r", make_audio(), (Stage("forward", 0, 0.4),))))
    history(Failed(make_task(), 1.0, InternalError("x")))

    shown = view(status(), history)

    assert "3 succeeded" in shown
    assert "1 failed" in shown
    assert shown.count('class="w-bar-done"') == 1
    assert shown.count('class="w-bar-failed"') == 1
    assert "400 ms" in shown
    clock.advance(HISTORY_S + 1)
    assert "0 succeeded" in view(status(), history)


@pytest.mark.parametrize("age_s", [0.0, 1.0, HISTORY_S / 2, HISTORY_S])
def test_every_request_has_a_place_on_the_axis(
    history: History, clock: FakeClock, age_s: float
) -> None:
    history(Failed(make_task(), 1.0, InternalError("x")))
    clock.advance(age_s)

    [x] = re.findall(r'class="w-bar-failed" x="([\d.]+)"', view(status(), history))
    expected = (BINS - 1) * (1 - age_s / HISTORY_S) * charts.CHART_WIDTH / BINS
    assert abs(float(x) - expected) <= charts.CHART_WIDTH / BINS


def test_memory_grows_by_a_point_at_each_view(history: History, clock: FakeClock) -> None:
    for _ in range(3):
        shown = view(status(), history)
        clock.advance(2.0)

    lines = re.findall(r'<polyline data-process="(\w+)" points="([^"]+)"', shown)
    assert [name for name, _ in lines] == ["server", "audio", "inference"]
    assert {len(points.split()) for _, points in lines} == {3}
    assert "630 MB of 2.00 GB" in shown


def test_incidents_are_listed(history: History, clock: FakeClock) -> None:
    history(WorkerEvent("text", "died", 7, WorkerDiedError("<i>ended</i>")))
    history(BreakerEvent("gama.describe", "closed", "open"))
    clock.advance(90.0)

    shown = view(status(), history)

    assert "1 min 30 s ago" in shown
    assert "&lt;i&gt;ended&lt;/i&gt;" in shown
    assert "closed → open" in shown


@pytest.mark.parametrize("workers", [(), WORKERS])
def test_markup_is_balanced_with_and_without_data(
    history: History, workers: tuple[WorkerStatus, ...]
) -> None:
    for now in (status(*workers), replace(status(*workers), adapters=(), breakers={})):
        parser = Balanced()
        parser.feed(view(now, history))
        assert parser.open == []


def test_page_needs_no_other_host_and_has_both_themes(history: History) -> None:
    whole = page(status(), history, assets_path())

    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", whole)
    assert ".dark {" in whole
    assert "$" not in re.sub(r"\$\{", "", whole.split("</style>")[1])
    assert "system status" in whole.lower()


async def test_nothing_is_read_while_the_view_is_closed(start: Start) -> None:
    orchestrator = await start(FakeAdapter())
    reads: list[str] = []
    history = History()

    def render() -> str:
        reads.append("view")
        return view(orchestrator.status(), history)

    app = FastAPI()
    app.include_router(status_page.router(render, render))
    await orchestrator.run(make_task())
    assert reads == []
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answers = [await client.get(path) for path in ("/status", "/status/view")]

    assert len(reads) == 2
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cache-control"] == "no-store"
