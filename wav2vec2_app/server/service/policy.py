"""What a service may do, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.service.limits import StepLimits
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.windows import FrameGrid, Window, windows_of


@dataclass(frozen=True)
class WindowPolicy:
    """How long audio is cut: windows of ``window_s`` that share ``overlap_s``, seconds."""

    window_s: float = 10.0
    overlap_s: float = 2.0

    def is_single(self, audio: Audio) -> bool:
        """Whether ``audio`` fits into one window, whatever the model."""
        return audio.duration_s <= self.window_s

    def of(self, audio: Audio, grid: FrameGrid) -> list[Window]:
        """The windows of ``audio`` for a model with this grid."""
        return windows_of(
            len(audio.samples), grid, window_s=self.window_s, overlap_s=self.overlap_s
        )


@dataclass(frozen=True)
class ModelPolicy:
    """Which models answer.

    Attributes:
        default: the model of requests that name none.
        preferred: what ``auto`` prefers over the embedded model.
        download: whether missing models may be downloaded.
        preload: models that are loaded at the start and stay loaded, as far as the memory allows.
        idle_s: other models are unloaded when they were not used for so long, seconds; 0: never.
    """

    default: str = AUTO_MODEL
    preferred: str = ""
    download: bool = False
    preload: tuple[str, ...] = ()
    idle_s: float = 0.0


@dataclass(frozen=True)
class ServicePolicy:
    """The settings of a service.

    Attributes:
        limits: time limits.
        windows: how long audio is cut.
        models: which models answer.
        greedy: whether ``auto`` decodes greedily for every model.
        max_features_s: longest audio that is analyzed and drawn, seconds.
        memory_limit_bytes: of all processes together; workers over their share of it are replaced.
    """

    limits: StepLimits = field(default_factory=StepLimits)
    windows: WindowPolicy = field(default_factory=WindowPolicy)
    models: ModelPolicy = field(default_factory=ModelPolicy)
    greedy: bool = False
    max_features_s: float = 900.0
    memory_limit_bytes: int = 2 << 30

    def check_features(self, audio: Audio) -> None:
        """Refuse audio that is too long to be analyzed.

        Raises:
            InputError: ``features.too_long``.
        """
        if audio.duration_s > self.max_features_s:
            raise InputError(
                f"Features and pictures are limited to {self.max_features_s / 60:.0f} minutes of audio.",
                code="features.too_long",
                metadata={"limit_s": self.max_features_s},
                hint="The transcript is complete; cut the recording to see pictures of a part of it.",
            )
