"""The status view in a real browser."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser, expect

from benchmarks.server import RunningServer
from tests.examples import Clip

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_status_view_shows_requests_workers_and_memory_and_refreshes(
    server: RunningServer, browser: Browser, clip: Clip, width: int, scheme: str
) -> None:
    with clip.path.open("rb") as file:
        url = f"{server.url}/v1/audio/transcriptions"
        httpx.post(url, files={"file": file}, timeout=60, verify=False).raise_for_status()  # noqa: S501
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda one: errors.append(one.text) if one.type == "error" else None)
    page.goto(f"{server.url}/status")

    expect(page.locator(".w-state")).to_contain_text("Ready")
    for role in ("audio", "inference", "text"):
        expect(page.get_by_role("rowheader", name=role, exact=True)).to_be_visible()
    expect(page.locator(".w-bar-done").first).to_be_attached()
    with page.expect_response("**/status/view") as refreshed:
        pass
    assert refreshed.value.ok
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate("document.documentElement.classList.contains('dark')")
    assert dark is (scheme == "dark")
    assert errors == []
    context.close()


@pytest.mark.slow
def test_page_leads_to_the_status_view(server: RunningServer, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(server.url)
    page.get_by_role("link", name="System status").click()

    expect(page).to_have_title("System status")
    page.get_by_role("link", name="Back to the page").click()
    page.wait_for_selector("#run")
    page.close()
