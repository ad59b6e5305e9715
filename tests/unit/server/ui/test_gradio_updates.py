"""Outputs that an update does not name are passed on as unchanged, and not processed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from wav2vec2_app.server.ui import gradio_internals
from wav2vec2_app.server.ui.gradio_updates import leave_unchanged_outputs

UNCHANGED = {"__type__": "update"}


class Page:
    """Three boxes that one event may change, and how often each was processed."""

    def __init__(self) -> None:
        with gr.Blocks() as self.blocks:
            self.boxes = [gr.Textbox() for _ in range(3)]
            button = gr.Button()
            button.click(lambda: None, outputs=self.boxes)
        self.state = SessionState(self.blocks)

    async def process(self, predictions: Any) -> list[Any]:
        [event] = self.blocks.fns.values()
        found: list[Any] = await self.blocks.postprocess_data(event, predictions, self.state)
        return found


UPDATES: dict[str, Callable[[list[gr.Textbox]], Any]] = {
    "one of several": lambda boxes: {boxes[1]: "new"},
    "two of several": lambda boxes: {boxes[2]: "last", boxes[0]: "first"},
    "properties": lambda boxes: {boxes[1]: gr.update(visible=False)},
    "a value and properties": lambda boxes: {boxes[0]: "new", boxes[2]: gr.update(value="x")},
    "all": lambda boxes: dict(zip(boxes, "abc", strict=True)),
    "a list": lambda boxes: ["a", gr.skip(), "c"],
    "none": lambda boxes: gr.skip(),
    "an empty text": lambda boxes: {boxes[1]: ""},
}


@pytest.mark.parametrize("name", UPDATES)
async def test_outputs_are_those_of_gradio(name: str) -> None:
    """With the patch and without it."""
    plain, patched = Page(), Page()
    leave_unchanged_outputs(patched.blocks)

    expected = await plain.process(UPDATES[name](plain.boxes))
    found = await patched.process(UPDATES[name](patched.boxes))

    assert found == expected
    assert len(found) == 3


async def test_component_that_is_no_output_is_still_an_error() -> None:
    page = Page()
    leave_unchanged_outputs(page.blocks)

    with pytest.raises(ValueError, match="not specified as output"):
        await page.process({page.boxes[0]: "a", gr.Textbox(): "b"})


async def test_unchanged_outputs_are_not_made_again() -> None:
    page = Page()
    leave_unchanged_outputs(page.blocks)

    await page.process({page.boxes[1]: "new"})

    assert all(page.state[box._id] is box for box in page.boxes)


async def test_later_update_keeps_the_properties_of_an_earlier_one() -> None:
    page = Page()
    leave_unchanged_outputs(page.blocks)

    await page.process({page.boxes[1]: gr.update(visible=False)})
    await page.process({page.boxes[0]: "other"})
    await page.process({page.boxes[1]: gr.update(label="Name")})

    assert page.state[page.boxes[1]._id].visible is False


async def test_page_of_an_untested_version_is_not_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradio_internals, "installed_version", lambda: "6.99.0")
    page = Page()
    before = page.blocks.postprocess_data

    leave_unchanged_outputs(page.blocks)

    assert page.blocks.postprocess_data == before
