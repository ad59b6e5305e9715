"""Outputs of an event that do not change cost nothing."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from wav2vec2_app.server.ui.gradio_internals import applies

if TYPE_CHECKING:
    import gradio as gr
    from gradio.block_function import BlockFunction


def leave_unchanged_outputs(page: gr.Blocks) -> None:
    """Process only the outputs that an update names.

    Gradio makes the component of every output of an event anew, also of those that do not change: 2 ms
    each, and an event of the page has some twenty outputs. With this patch the others are passed to the
    browser as unchanged without it.
    """
    if not applies("the quick way for unchanged outputs", page, "postprocess_data"):
        return
    import gradio as gr

    process = page.postprocess_data

    async def process_changed(block_fn: BlockFunction, predictions: Any, state: Any) -> list[Any]:
        outputs = list(block_fn.outputs)
        changed = _changed(outputs, predictions)
        if not changed or len(changed) == len(outputs):
            whole: list[Any] = await process(block_fn, predictions, state)
            return whole
        smaller = copy.copy(block_fn)
        smaller.outputs = [outputs[place] for place in changed]
        values = await process(smaller, predictions, state)
        found: list[Any] = [gr.skip() for _ in outputs]
        for place, value in zip(changed, values, strict=True):
            found[place] = value
        return found

    page.postprocess_data = process_changed


def _changed(outputs: list[Any], predictions: object) -> list[int]:
    """The places of the outputs that an update names; empty if it is not one of components."""
    if not isinstance(predictions, dict):
        return []
    named = {getattr(one, "_id", None) for one in predictions}
    places = [place for place, output in enumerate(outputs) if output._id in named]
    return places if len(places) == len(predictions) else []
