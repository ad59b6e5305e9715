"""Operations of the ``inference`` role: load and unload models, turn samples into emissions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from wav2vec2_app.errors import InputError
from wav2vec2_app.memory import private_bytes
from wav2vec2_app.protocol.inference import (
    DescribeRequest,
    DescribeResponse,
    EmitRequest,
    EmitResponse,
    InferenceInfo,
    LoadRequest,
    LoadResponse,
    UnloadRequest,
    UnloadResponse,
)
from wav2vec2_app.protocol.layers import LayersRequest
from wav2vec2_app.protocol.message import BatchPolicy, Context, Empty
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.model.models import Models, Room
from wav2vec2_app.worker.operations.layers import show_layers
from wav2vec2_app.worker.stages import sequence


def create(config: Mapping[str, Any]) -> Role:
    """The role, with the default model loaded, so that *ready* means ready to answer."""
    models = Models(config)
    models.load(config["model"])
    models.use(config["model"])
    start_bytes = private_bytes()

    def load_model(request: LoadRequest, context: Context[Empty]) -> LoadResponse:
        room = Room(request.memory_bytes, request.unload_others, context.check_cancelled)
        return LoadResponse(models.load(request.model, room))

    def describe_model(request: DescribeRequest, _: Context[Empty]) -> DescribeResponse:
        return describe(request, models)

    def unload_models(request: UnloadRequest, _: Context[Empty]) -> UnloadResponse:
        return unload(request, models)

    def emit_one(request: EmitRequest, context: Context[Empty]) -> EmitResponse:
        context.check_cancelled()
        return emit([request], models)[0]

    batch = BatchPolicy[EmitRequest, EmitResponse](
        run=lambda requests: emit(requests, models),
        key=lambda request: (request.model, len(request.samples)),
        limit=lambda request: models.batch(request.model),
    )
    return Role(
        (
            LoadRequest.handler(load_model),
            UnloadRequest.handler(unload_models),
            DescribeRequest.handler(describe_model),
            EmitRequest.handler(emit_one, batch),
            LayersRequest.handler(lambda request, context: show_layers(request, models, context)),
        ),
        info=lambda: InferenceInfo(models.default, models.choices(), start_bytes),
    )


def describe(request: DescribeRequest, models: Models) -> DescribeResponse:
    """Describe a loaded model."""
    used = models.use(request.model)
    recognizer = used.recognizer
    return DescribeResponse(
        used.info, recognizer.grid, recognizer.batch_size, better_on_disk=used.better_on_disk
    )


def unload(request: UnloadRequest, models: Models) -> UnloadResponse:
    """Unload what is not needed."""
    count = models.unload_missing()
    if request.idle_s:
        count += models.unload_idle(request.idle_s, request.keep)
    return UnloadResponse(count + models.shrink(request.memory_bytes))


def emit(requests: Sequence[EmitRequest], models: Models) -> list[EmitResponse]:
    """Compute the emissions of one batch: all requests are of one model and one length."""
    if not all(len(request.samples) for request in requests):
        raise InputError("There are no samples to transcribe.", code="audio.no_samples")
    used = models.use(requests[0].model)
    recognizer = used.recognizer
    begin = time.perf_counter()
    emissions = recognizer.emit_batch(
        [request.samples for request in requests], [request.level for request in requests]
    )
    forward_s = time.perf_counter() - begin
    stages = sequence({"forward": forward_s / len(requests)})
    return [
        EmitResponse(
            emission,
            used.info,
            len(requests),
            recognizer.batch_size,
            used.better_on_disk,
            stages=stages,
        )
        for emission in emissions
    ]
