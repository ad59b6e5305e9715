"""Which adapters can run a step, the best one first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.server.adapters.base import ModelAdapter
from wav2vec2_app.server.operations import Operation, Step, Target
from wav2vec2_app.server.status import ModelCapabilities
from wav2vec2_app.speech.languages import language_code
from wav2vec2_app.speech.models import AUTO_MODEL

Preference = Literal["listed", "fastest"]
"""Which of several healthy adapters comes first: the one listed first, or the fastest one."""

MIN_SUCCESS_RATE = 0.5
"""Below this share of successes an adapter comes after the others."""
MIN_SAMPLES = 5
"""Operations that have to be measured before their success rate counts."""


@dataclass(frozen=True)
class RoutingPolicy:
    """How steps are given to adapters.

    Attributes:
        prefer: see :data:`Preference`.
        concurrency: steps that run at the same time on one adapter, by its name; others: no limit.
    """

    prefer: Preference = "listed"
    concurrency: Mapping[str, int] = field(default_factory=dict)


class Router:
    """Chooses adapters by capability, health and measured speed.

    Args:
        adapters: in order of preference.
        prefer: see :data:`Preference`.
        is_paused: whether the circuit breaker of an adapter's operation admits no call now.
    """

    def __init__(
        self,
        adapters: Sequence[ModelAdapter],
        *,
        prefer: Preference = "listed",
        is_paused: Callable[[str, Operation], bool],
    ) -> None:
        self._adapters = tuple(adapters)
        self._prefer = prefer
        self._is_paused = is_paused

    def candidates(self, step: Step, audio_s: float = 0.0) -> Sequence[ModelAdapter]:
        """The adapters that can run ``step``, the best one first.

        Only transcribing depends on the target's model. What starts from a transcript prefers the
        adapter that made it, and goes to any other one that can do it where that one cannot.
        Adapters that list the model and the language come before those that do not; those that are
        paused, or fail more often than not, come last.

        Args:
            step: what to run.
            audio_s: length of the audio, seconds; 0 if it is not known.

        Raises:
            ModelError: there is none.
            InputError: ``model.audio_too_long``: the audio is too long for all of them.
        """
        able = [
            (adapter, capabilities)
            for adapter in self._adapters
            if step.operation in (capabilities := adapter.get_capabilities()).operations
        ]
        if step.target.model != AUTO_MODEL:
            able.sort(key=lambda pair: not _lists(pair[1], step.target.model))  # stable
        fitting = [pair for pair in able if _fits(pair[1], step.target)]
        if step.operation is Operation.TRANSCRIBE:
            able = []
            fitting = _long_enough(fitting, audio_s)
        if not fitting and not able:
            raise self._no_adapter(step)
        named = [pair for pair in able if pair[0].name == step.target.adapter]
        ranked = (*self._ranked(fitting, step), *named, *able)
        first, *others = dict.fromkeys(adapter for adapter, _ in ranked)
        return [first, *(one for one in others if _has_answer(one, step))]

    def _ranked(
        self, adapters: Sequence[tuple[ModelAdapter, ModelCapabilities]], step: Step
    ) -> Sequence[tuple[ModelAdapter, ModelCapabilities]]:
        if len(adapters) < 2:
            return adapters

        def rank(pair: tuple[ModelAdapter, ModelCapabilities]) -> tuple[bool, bool, bool, float]:
            adapter, capabilities = pair
            lacks_language = not _has_language(adapter, step.target.model)
            paused = self._is_paused(adapter.name, step.operation)
            slowness = self._slowness(capabilities)
            return lacks_language, paused, _is_failing(capabilities), slowness

        return sorted(adapters, key=rank)  # stable: listed first stays first

    def _slowness(self, capabilities: ModelCapabilities) -> float:
        """Seconds per second of audio; what was not measured yet comes first, to be measured."""
        if self._prefer == "listed" or not capabilities.throughput:
            return 0.0
        return 1 / capabilities.throughput

    def _no_adapter(self, step: Step) -> ModelError:
        operation, target = step.operation, step.target
        names = [adapter.name for adapter in self._adapters]
        if target.adapter and target.adapter not in names:
            return _unknown("adapter", target.adapter, names, "model.no_adapter")
        known = [name for a in self._adapters for name in a.get_capabilities().models]
        if operation is Operation.TRANSCRIBE and target.model != AUTO_MODEL and known:
            return _unknown("model", target.model, known, "model.unknown")
        return ModelError(
            f"No configured model can {operation.value} audio.",
            code="model.no_adapter",
            hint="Ask the operator which models are configured.",
        )


def _fits(capabilities: ModelCapabilities, target: Target) -> bool:
    """Whether an adapter has the adapter name and the model of ``target``."""
    if target.adapter and capabilities.name != target.adapter:
        return False
    any_model = target.model == AUTO_MODEL or not capabilities.models
    return any_model or _lists(capabilities, target.model)


def _has_answer(adapter: ModelAdapter, step: Step) -> bool:
    """Whether an adapter has a model for a step that names none; it may be listed to be downloaded."""
    unnamed = step.operation is Operation.TRANSCRIBE and step.target.model == AUTO_MODEL
    return not unnamed or bool(adapter.answering_model(AUTO_MODEL))


def _lists(capabilities: ModelCapabilities, model: str) -> bool:
    """Whether an adapter lists ``model``, which may be ``model:language``."""
    return not {model, model.rpartition(":")[0]}.isdisjoint(capabilities.models)


def _has_language(adapter: ModelAdapter, name: str) -> bool:
    """Whether an adapter lists the language of ``model:language``, or lists no languages."""
    model, colon, language = name.rpartition(":")
    choices = adapter.get_status().choices if colon else ()
    languages = next((one.languages for one in choices if one.name == model), ())
    code = language_code(language)
    return not languages or any(language_code(one) == code for one in languages)


def _long_enough(
    adapters: Sequence[tuple[ModelAdapter, ModelCapabilities]], audio_s: float
) -> list[tuple[ModelAdapter, ModelCapabilities]]:
    """The adapters that accept so much audio."""
    found = [pair for pair in adapters if audio_s <= pair[1].max_duration_s]
    if adapters and not found:
        longest_s = max(capabilities.max_duration_s for _, capabilities in adapters)
        raise InputError(
            f"The recording has {audio_s:.0f} s; this model accepts at most {longest_s:.0f} s.",
            code="model.audio_too_long",
            hint="Upload a shorter recording, or choose another model.",
            metadata={"duration_s": audio_s, "limit_s": longest_s},
        )
    return found


def _is_failing(capabilities: ModelCapabilities) -> bool:
    rate, samples = capabilities.success_rate, capabilities.samples
    return rate is not None and samples >= MIN_SAMPLES and rate < MIN_SUCCESS_RATE


def _unknown(kind: str, name: str, known: Sequence[str], code: str) -> ModelError:
    return ModelError(
        f"There is no {kind} called “{name[:80]}”.",
        code=code,
        layer="validation",
        severity="warning",
        hint=f"Choose one of: {', '.join(known)}.",
    )
