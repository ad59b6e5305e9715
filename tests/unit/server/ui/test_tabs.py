"""The state of tabs is bounded: clients choose the ids of sessions."""

from __future__ import annotations

from wav2vec2_app.server.ui.tabs import MAX_TABS, Tabs


def test_tabs_of_made_up_sessions_are_forgotten() -> None:
    tabs = Tabs()
    for number in range(10 * MAX_TABS):
        tabs.of(f"session {number}")

    assert len(tabs) == MAX_TABS


def test_tab_that_is_used_or_runs_is_kept() -> None:
    tabs = Tabs(limit=3)
    used, running = tabs.of("used"), tabs.of("running")
    running.begin_transcription("task")
    for number in range(10):
        tabs.of(f"session {number}")
        assert tabs.of("used") is used

    assert tabs.of("running") is running


def test_new_tab_is_kept_although_all_others_run() -> None:
    tabs = Tabs(limit=2)
    for name in ("a", "b"):
        tabs.of(name).begin_transcription(name)

    new = tabs.of("new")

    assert tabs.of("new") is new
    assert len(tabs) == 2
