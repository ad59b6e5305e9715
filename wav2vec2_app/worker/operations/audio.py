"""Operations of the ``audio`` role: read a header, decode, measure, draw.

==========  =======================================  ================================================
operation   takes                                    gives
==========  =======================================  ================================================
probe       meta ``path`` or array ``bytes``         meta: the fields of :class:`AudioProbe`
decode      meta ``path`` or array ``bytes``         meta of :class:`Audio`; array ``samples``, or meta
            (and meta ``spool``)                     ``spooled``, how many are in the file ``spool``
analyze     array ``samples``                        arrays of :class:`Features`; meta ``summary``
draw        ``samples``, arrays of :class:`Features`  each picture as a progress frame (meta ``name``,
            and meta ``summary``; for the emission   ``title``, ``description``; array ``svg``);
            its arrays and meta ``emission``;        meta ``pictures``, ``skipped``
            meta ``words``, ``pictures``
==========  =======================================  ================================================

Every answer but the probe's has ``stages``, counted from the operation's start.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol.emissions import unpack_emission
from wav2vec2_app.speech.audio import AudioSource, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.features import Features
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker import plots
from wav2vec2_app.worker.audio import features
from wav2vec2_app.worker.audio.decode import decode, probe
from wav2vec2_app.worker.audio.formats import FORMATS
from wav2vec2_app.worker.loop import Call, Operations, Reply


def create(config: Mapping[str, Any]) -> Operations:
    """The role's operations; ``config`` has ``max_duration_s`` and ``max_bytes``."""
    limits = {"max_duration_s": config["max_duration_s"], "max_bytes": config["max_bytes"]}
    features.warm_up()
    plots.warm_up()
    return Operations(
        handlers={
            "probe": lambda call: Reply(asdict(probe(_source(call), **limits))),
            "decode": lambda call: decode_audio(call, **limits),
            "analyze": analyze,
            "draw": draw,
        },
        info={"formats": list(FORMATS)},
    )


def decode_audio(call: Call, *, max_duration_s: float, max_bytes: int) -> Reply:
    """Decode to 16 kHz mono float32. DecodingOptions and resampling alternate; they are told one by one."""
    result = decode(
        _source(call),
        max_duration_s=max_duration_s,
        max_bytes=max_bytes,
        on_block=call.check_cancelled,
        spool=Path(call.meta["spool"]) if "spool" in call.meta else None,
    )
    audio = result.audio
    spooled = isinstance(audio.samples, np.memmap)
    return Reply(
        {
            "spooled": len(audio.samples) if spooled else 0,
            "original_rate_hz": audio.original_rate_hz,
            "original_channels": audio.original_channels,
            "format": audio.format,
            "warnings": list(audio.warnings),
            "stages": [
                _stage("decode audio", 0.0, result.decode_s),
                _stage("resample", result.decode_s, result.resample_s),
            ],
        },
        {} if spooled else {"samples": audio.samples},
    )


def analyze(call: Call) -> Reply:
    """Acoustic features of ``samples``."""
    begin = time.perf_counter()
    found = features.extract(_samples(call), on_block=call.check_cancelled)
    return Reply(
        {
            "summary": dict(found.summary),
            "stages": [_stage("features", 0.0, time.perf_counter() - begin)],
        },
        {
            "times_s": found.times_s,
            "f0_hz": found.f0_hz,
            "energy_db": found.energy_db,
            "log_mel_db": found.log_mel_db,
            "mfcc": found.mfcc,
        },
    )


def draw(call: Call) -> Reply:
    """Draw the pictures that were asked for (all by default), each sent the moment it is done.

    Pictures that need an emission are skipped where there is none.
    """
    begin = time.perf_counter()
    names = call.meta.get("pictures") or list(plots.PICTURES)
    samples, measured, emission = _samples(call), _features(call), _emission(call)
    words = tuple(Word(**word) for word in call.meta.get("words", ()))
    drawn: list[dict[str, Any]] = []
    for number, name in enumerate(names, start=1):
        if emission is None and name in plots.NEED_EMISSION:
            continue
        call.check_cancelled()
        start_s = time.perf_counter() - begin
        picture = plots.draw(name, samples, measured, emission, words)
        call.progress(
            {
                "name": picture.name,
                "title": picture.title,
                "description": picture.description,
                "fraction": number / len(names),
            },
            {"svg": np.frombuffer(picture.svg, np.uint8)},
        )
        drawn.append({"name": name, "draw_s": time.perf_counter() - begin - start_s})
    finished = {picture["name"] for picture in drawn}
    return Reply(
        {
            "pictures": drawn,
            "skipped": [name for name in names if name not in finished],
            "stages": [_stage("draw", 0.0, time.perf_counter() - begin)],
        }
    )


# --- what came over the bridge -----------------------------------------------------------------


def _source(call: Call) -> AudioSource:
    name = str(call.meta.get("name") or "audio")
    if path := call.meta.get("path"):
        return AudioSource(path=Path(path), name=name)
    data = call.arrays.get("bytes")
    if data is None:
        raise InputError(
            "There is no recording in this request.",
            code="audio.missing",
            hint="Record or upload something first.",
        )
    return AudioSource(data=data.tobytes(), name=name)


def _samples(call: Call) -> Float32:
    samples = call.arrays.get("samples")
    if samples is None or samples.ndim != 1 or not len(samples):
        raise InputError(
            "There are no samples in this request.",
            code="audio.no_samples",
            hint="Record or upload something first.",
        )
    return samples.astype(np.float32, copy=False)


def _features(call: Call) -> Features:
    try:
        arrays = {
            name: call.arrays[name]
            for name in ("times_s", "f0_hz", "energy_db", "log_mel_db", "mfcc")
        }
    except KeyError as error:
        raise InputError(
            "The acoustic features are missing from this request.",
            code="picture.needs_features",
            hint="Analyze the recording, then draw it.",
        ) from error
    return Features(**arrays, summary=call.meta.get("summary", {}))


def _emission(call: Call) -> Emission | None:
    if "log_probs" not in call.arrays:
        return None
    return unpack_emission(call.meta["emission"], call.arrays)


def _stage(name: str, start_s: float, duration_s: float) -> dict[str, Any]:
    return {"name": name, "start_s": start_s, "duration_s": duration_s}
