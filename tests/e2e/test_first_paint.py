"""What the browser shows before the page's scripts have been loaded."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from benchmarks.server import RunningServer
from tests.e2e.conftest import Open

pytestmark = pytest.mark.e2e

LOOKS = """() => [...document.querySelectorAll('.w-brand h1, .w-brand p')].map((one) => {
    const { color, font } = getComputedStyle(one);
    const { x, y, width, height } = one.getBoundingClientRect();
    return [one.textContent, color, font, x, y, width, height];
})"""


@pytest.mark.parametrize(
    ("query", "width"), [("?lang=de", 1440), ("?__theme=dark", 390), ("", 320)]
)
def test_header_is_there_before_the_scripts_and_does_not_move(
    open_page: Open, server: RunningServer, query: str, width: int
) -> None:
    page = open_page(query, width=width)
    expect(page.locator("#first-paint")).to_have_count(0)
    complete = page.evaluate(LOOKS)

    page.route("**/assets/*.js", lambda _: None)  # never answered
    page.goto(f"{server.url}/{query}", wait_until="commit")
    expect(page.locator("#first-paint h1")).to_be_visible()

    assert page.locator("#brand").count() == 0
    assert page.evaluate(LOOKS) == complete


def test_header_has_the_colors_that_were_chosen_before(
    open_page: Open, server: RunningServer
) -> None:
    page = open_page()
    page.evaluate("localStorage.setItem('wav2vec2-theme', 'dark')")

    page.route("**/assets/*.js", lambda _: None)
    page.goto(server.url, wait_until="commit")
    expect(page.locator("#first-paint h1")).to_be_visible()

    color = page.evaluate("getComputedStyle(document.querySelector('h1')).color.match(/\\d+/g)")
    assert min(map(int, color)) > 200
