"""The PyTorch engine: the CTC models of ``transformers`` on CUDA, MPS or CPU, with fallback to CPU."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoModelForCTC, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.checkpoint_files import CONFIG, read_json
from wav2vec2_app.worker.model.engines.base import (
    EngineInfo,
    broken,
    no_ctc_head,
    recomputed,
    unsupported,
)
from wav2vec2_app.worker.model.engines.cuda_graphs import ForwardPass, GraphedPass, cuda_capture
from wav2vec2_app.worker.model.engines.layers import LayerTrace, is_finite
from wav2vec2_app.worker.model.engines.lost_device import LostDevice
from wav2vec2_app.worker.model.engines.torch_layers import trace_window
from wav2vec2_app.worker.model.resolve import Checkpoint

log = logging.getLogger(__name__)

CPU = torch.device("cpu")
TRAINING_WEIGHT = "masked_spec_embed"
"""End of the name of a weight that only training uses."""
MODEL_TYPES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio")
"""Model types with a convolutional encoder of raw audio and a CTC head."""
ACCELERATOR_BATCH_SIZE = 16
"""Rows of a batch on an accelerator; a single short recording leaves it mostly idle."""
TORCH_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

disable_progress_bar()  # it would go to the worker's log


@dataclass
class TorchEngine:
    """Runs on the configured device if it works, else on the CPU; half precision on CUDA.

    Args:
        device: ``auto`` (CUDA, else MPS, else CPU) or a torch device name.
        precision: ``fp32``, ``bf16``, or ``auto``: float16 on CUDA (three bits more than bfloat16) unless
            it overflows with this model, else float32.
        threads: intra-operation threads on the CPU; 0 is torch's default.
        use_graphs: whether frequent shapes are captured as CUDA graphs
            (:mod:`~wav2vec2_app.worker.model.engines.cuda_graphs`).
        clock: monotonic, seconds.
    """

    device: str = "auto"
    threads: int = 0
    precision: str = "auto"
    use_graphs: bool = True
    clock: Callable[[], float] = time.monotonic
    grid: FrameGrid = field(default_factory=FrameGrid)
    outputs: int = 0
    note: str = ""

    def load(self, checkpoint: Checkpoint) -> None:
        if self.threads:
            torch.set_num_threads(self.threads)
        self._checkpoint = checkpoint
        self._full: ForwardPass | None = None
        self._lost = LostDevice(self.clock)
        self._model = _read(checkpoint)
        config = self._model.config
        self.grid = FrameGrid.of_convolutions(
            tuple(config.conv_kernel),
            tuple(config.conv_stride),
            position_taps=config.num_conv_pos_embeddings,
        )
        self.outputs = config.vocab_size
        self._parameters = sum(weight.numel() for weight in self._model.parameters())
        self._place(self._choose_device())

    def forward(self, batch: Float32) -> Float32:
        self._try_lost_device()
        found = self._forward_or_fall_back(batch)
        if self._precision == "fp32":
            return found
        return recomputed(batch, found, self._forward_in_full)

    def trace(
        self,
        windows: Sequence[Float32],
        layer: int | None,
        check_cancelled: CheckCancelled = never_cancelled,
    ) -> list[LayerTrace]:
        found = []
        for window in windows:
            check_cancelled()
            values = torch.from_numpy(np.ascontiguousarray(window[None], dtype=np.float32))
            values = values.to(self._device, TORCH_DTYPES[self._precision])
            found.append(trace_window(self._model, values, layer))
        if is_finite(found) or self._precision == "fp32":
            return found
        full = _read(self._checkpoint).to(self._device)  # half precision overflowed
        return [
            trace_window(full, torch.from_numpy(window[None]).to(self._device), layer)
            for window in windows
        ]

    def _forward_or_fall_back(self, batch: Float32) -> Float32:
        try:
            return self._forward(batch)
        except torch.OutOfMemoryError as error:
            if self._drop_graphs():
                return self._forward_or_fall_back(batch)
            if len(batch) == 1:
                if self._device == CPU:
                    raise
                self._lost.lose(self._device)
                self._fall_back(error)
            half = (len(batch) + 1) // 2
            return np.concatenate(
                [
                    self._forward_or_fall_back(part)
                    for part in (batch[:half], batch[half:])
                    if len(part)
                ]
            )
        except RuntimeError as error:
            if self._device == CPU:
                raise
            self._lost.lose(self._device)
            self._fall_back(error)
            return self._forward(batch)

    def _try_lost_device(self) -> None:
        """Return to a device that failed some time ago, if it works again."""
        device = self._lost.due()
        if device is None:
            return
        self.note = ""
        if device.type == "cuda":
            torch.cuda.empty_cache()
        self._place(device)
        if self._device == device:
            log.info("device %s works again", device)
            self._lost.found()

    @torch.inference_mode()
    def _forward_in_full(self, batch: Float32) -> Float32:
        """The pass in float32 with the weights of the file, which half precision rounds."""
        if self._full is None:
            self._full = partial(_score, _read(self._checkpoint).to(self._device))
        values = torch.from_numpy(np.ascontiguousarray(batch, dtype=np.float32))
        result: Float32 = self._full(values.to(self._device)).cpu().numpy()
        return result

    def describe(self) -> EngineInfo:
        return EngineInfo(
            engine="torch",
            device=str(self._device),
            precision=self._precision,
            parameters=self._parameters,
            note=self.note,
            batch_size=1 if self._device == CPU else ACCELERATOR_BATCH_SIZE,
        )

    def _choose_device(self) -> torch.device:
        if self.device == "auto":
            if torch.cuda.is_available():
                return torch.device("cuda")
            return torch.device("mps") if torch.backends.mps.is_available() else CPU
        try:
            return torch.device(self.device)
        except RuntimeError as error:
            raise ModelError(
                f"There is no device called “{self.device}”.",
                code="model.bad_device",
                hint="Use auto, cpu, cuda, cuda:N or mps.",
            ) from error

    def _place(self, device: torch.device) -> None:
        """Move the model to ``device`` and test it with one short pass."""
        self._device = device
        try:
            self._cast(self._precision_for(device))
            if self._overflows():
                self._cast("fp32")
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            if device == CPU:
                raise
            self._fall_back(error)

    def _precision_for(self, device: torch.device) -> str:
        if self.precision in ("fp32", "bf16"):
            return self.precision
        return "fp16" if device.type == "cuda" else "fp32"

    def _cast(self, precision: str) -> None:
        self._precision = precision
        self._model.to(self._device, TORCH_DTYPES[precision])
        self._eager: ForwardPass = partial(_score, self._model)
        with_graphs = self.use_graphs and self._device.type == "cuda"
        self._pass: ForwardPass = (
            GraphedPass(self._eager, cuda_capture(self._device)) if with_graphs else self._eager
        )

    def _drop_graphs(self) -> bool:
        """Release the memory of CUDA graphs and stop using them; whether they were in use."""
        if self._pass is self._eager:
            return False
        self._pass = self._eager
        torch.cuda.empty_cache()
        return True

    def _overflows(self) -> bool:
        noise = np.random.default_rng(0).standard_normal((1, self.grid.samples(50)))
        return not np.isfinite(self._forward(noise.astype(np.float32))).all()

    def _fall_back(self, error: Exception) -> None:
        failed, self._device = self._device, CPU
        self.note = f"The device {failed} failed; the CPU is used instead."
        log.warning("device %s failed, falling back to cpu: %s", failed, error)
        self._full = None
        self._cast("fp32")

    @torch.inference_mode()
    def _forward(self, batch: Float32) -> Float32:
        values = torch.from_numpy(np.ascontiguousarray(batch))
        result: Float32 = (
            self._pass(values.to(self._device, TORCH_DTYPES[self._precision])).cpu().numpy()
        )
        return result


def _score(model: PreTrainedModel, batch: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(model(batch).logits.float(), dim=-1)


def _read(checkpoint: Checkpoint) -> PreTrainedModel:
    kind = read_json(checkpoint.path / CONFIG).get("model_type", "wav2vec2")
    if kind not in MODEL_TYPES:
        raise unsupported(str(kind))
    try:
        model, report = AutoModelForCTC.from_pretrained(
            checkpoint.path, dtype=torch.float32, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise broken(checkpoint, error) from error
    missing = {key for key in report["missing_keys"] if not key.endswith(TRAINING_WEIGHT)}
    if any(key.startswith("lm_head") for key in missing):
        raise no_ctc_head()
    if missing:  # transformers would initialize them at random
        raise broken(checkpoint, KeyError(*sorted(missing)))
    _load_adapter(model, checkpoint)
    return model.eval()


def _load_adapter(model: PreTrainedModel, checkpoint: Checkpoint) -> None:
    """Load the weights of the checkpoint's language, if there is a file of them."""
    if checkpoint.adapter is None:
        return
    try:
        model.load_adapter(checkpoint.language, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise broken(checkpoint, error) from error
