"""The operation that shows the layers of a model; of the ``inference`` role."""

from __future__ import annotations

import time

from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol.layers import LayersRequest, LayersResponse
from wav2vec2_app.protocol.message import Context, Empty
from wav2vec2_app.worker.model.models import Models
from wav2vec2_app.worker.stages import sequence


def show_layers(request: LayersRequest, models: Models, context: Context[Empty]) -> LayersResponse:
    """Run the model once more, layer by layer.

    Raises:
        InputError: ``audio.no_samples``, ``explore.silent``, ``explore.bad_layer``.
        ModelError: ``model.not_loaded``, ``model.no_layers``.
    """
    if not len(request.samples):
        raise InputError("There are no samples to show the layers of.", code="audio.no_samples")
    recognizer = models.use(request.model).recognizer
    begin = time.perf_counter()
    view = recognizer.show_layers(request, context.check_cancelled)
    return LayersResponse(view, stages=sequence({"layers": time.perf_counter() - begin}))
