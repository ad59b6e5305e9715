"""Routes that list the models: ``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from pydantic import JsonValue

from wav2vec2_app.errors import ModelError
from wav2vec2_app.server import schema
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.status import ModelCapabilities
from wav2vec2_app.speech.languages import language_code
from wav2vec2_app.speech.models import AUTO_MODEL, ModelChoice, is_openai_name


def router(orchestrator: ModelOrchestrator) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["models"])

    @routes.get("/models")
    async def models() -> schema.JsonObject:
        """The models that a request may name."""
        choices = _choices(orchestrator)
        able = orchestrator.capabilities()
        data: list[JsonValue] = [_model(name, one, able) for name, one in choices.items()]
        return {"object": "list", "data": data}

    @routes.get("/models/{name:path}", responses={404: {"model": schema.ErrorResponse}})
    async def model(name: str) -> schema.JsonObject:
        """One model: a listed one, one with a language, or one of OpenAI's names."""
        choices = _choices(orchestrator)
        found = choices.get(name) or _in_language(name, choices)
        if found is None and is_openai_name(name):
            found = choices[AUTO_MODEL]
        if found is None:
            raise RequestFailed(
                ModelError(
                    f"There is no model called “{name[:80]}”.",
                    code="model.unknown",
                    layer="validation",
                    severity="warning",
                    hint="Choose one that `GET /v1/models` lists.",
                )
            )
        return _model(name, found, orchestrator.capabilities())

    return routes


def _choices(orchestrator: ModelOrchestrator) -> dict[str, ModelChoice]:
    auto = ModelChoice(AUTO_MODEL, AUTO_MODEL, ready=True, state="loading")
    return {AUTO_MODEL: auto, **orchestrator.status().choices}


def _in_language(name: str, choices: dict[str, ModelChoice]) -> ModelChoice | None:
    """The multilingual model of ``model:language``, if it has the language."""
    model, _, language = name.rpartition(":")
    choice = choices.get(model)
    return choice if choice and language in choice.languages else None


def _model(name: str, choice: ModelChoice, able: Sequence[ModelCapabilities]) -> schema.JsonObject:
    answers = choice.name
    if answers == AUTO_MODEL:
        answers = next((one.default_model for one in able if one.default_model), "")
    scores = schema.scores(able, answers)
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "wav2vec2-app",
        "ready": choice.ready,
        "answers": choice.name,
        "language": language_code(choice.language),
        "state": choice.state,
        "progress": choice.progress,
        "scores": {feature: one.model_dump() for feature, one in scores.items()},
    }
