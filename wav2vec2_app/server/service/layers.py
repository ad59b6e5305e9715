"""Shows the layers of a model for a part of a recording, with the windows of its transcription."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wav2vec2_app.protocol.layers import LayersRequest
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.inference import EmitStep, WindowedInference, level_of
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.stages import after
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.exploration import (
    Explored,
    ExploredLayers,
    check_layers_length,
    frames_between,
)
from wav2vec2_app.speech.layers import no_layers
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.windows import FrameGrid, Window


class LayerSteps:
    """The step that shows layers. The model runs once more, over the part and what is around it.

    Args:
        client: the inference workers.
        inference: loads models, and knows the windows.
    """

    def __init__(self, client: WorkerClient, inference: WindowedInference) -> None:
        self._client = client
        self._inference = inference

    async def show(
        self,
        audio: Audio,
        emission: Emission | None,
        model: ModelInfo,
        wanted: ExploredLayers,
        *,
        deadline: Deadline | None,
        request_id: str,
    ) -> StepResult[Explored]:
        """The layers of ``model``, which transcribed ``audio`` with ``emission``.

        Raises:
            InputError: ``explore.too_long``, ``explore.silent``, ``explore.bad_layer``.
            ModelError: ``model.no_layers``.
        """
        start_s, end_s = wanted.window.within(audio.duration_s)
        check_layers_length(end_s - start_s)
        if emission is None:
            raise no_layers(model.name)
        first, last = frames_between(emission, start_s, end_s)
        step = EmitStep(audio, model.name, deadline, request_id=request_id)
        loaded = await self._inference.describe(step)
        windows = self._inference.windows_of(audio, loaded.value.grid)
        level = await level_of(audio) if len(windows) > 1 else None
        begin, used = windows_around(windows, loaded.value.grid, first, last)
        samples = audio.samples[begin : begin + used[-1].stop]
        answer = await self._client.request(
            LayersRequest(
                model.name, samples, tuple(used),
                emission.log_probs[first:last].argmax(axis=1).astype(np.int32),
                first * emission.frame_s, wanted.layer, wanted.side, level,
            ),
            audio_s=len(samples) / SAMPLE_RATE_HZ, deadline=deadline, request_id=request_id,
        )  # fmt: skip
        found: Explored = answer.value.view
        return StepResult(found, after(loaded.stages, answer.stages))


def windows_around(
    windows: Sequence[Window], grid: FrameGrid, first: int, last: int
) -> tuple[int, list[Window]]:
    """The windows that keep frames of ``[first, last)``, and keep only these.

    Returns:
        The sample at which the first one begins, and the windows counted from it.
    """
    used = []
    for one in windows:
        at = one.start // grid.hop
        kept = max(first, at + one.keep_from) - at, min(last, at + one.keep_to) - at
        if kept[0] < kept[1]:
            used.append(replace(one, keep_from=kept[0], keep_to=kept[1]))
    begin = used[0].start
    return begin, [replace(one, start=one.start - begin, stop=one.stop - begin) for one in used]
