"""An emission as it crosses the bridge: a JSON part and its arrays; both sides use this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol.frame import Array, Arrays
from wav2vec2_app.speech.emission import Emission


def pack_emission(emission: Emission) -> tuple[dict[str, Any], Arrays]:
    """``emission`` as a frame's JSON and arrays (``log_probs``, ``frame_energy_db``)."""
    meta = {
        "vocabulary": list(emission.vocabulary),
        "blank_id": emission.blank_id,
        "word_delimiter": emission.word_delimiter,
        "frame_s": emission.frame_s,
        "special": list(emission.special),
        "calibration": emission.calibration,
        "prior": emission.prior,
    }
    arrays: dict[str, Array] = {"log_probs": emission.log_probs}
    if emission.energy_db is not None:
        arrays["frame_energy_db"] = emission.energy_db
    return meta, arrays


def unpack_emission(meta: Mapping[str, Any], arrays: Arrays) -> Emission:
    """The emission in a frame.

    Raises:
        InputError: the arrays do not fit what the JSON says.
    """
    log_probs = arrays.get("log_probs")
    if (
        log_probs is None
        or log_probs.ndim != 2
        or log_probs.dtype != np.float32
        or log_probs.shape[1] != len(meta["vocabulary"])
        or len(meta["prior"] or meta["vocabulary"]) != len(meta["vocabulary"])
    ):
        raise InputError("There is no emission to read.", code="emission.missing")
    return Emission(
        log_probs=log_probs,
        vocabulary=tuple(meta["vocabulary"]),
        blank_id=meta["blank_id"],
        word_delimiter=meta["word_delimiter"],
        frame_s=meta["frame_s"],
        special=tuple(meta["special"]),
        energy_db=arrays.get("frame_energy_db"),
        calibration=meta["calibration"],
        prior=tuple(meta["prior"]) if meta["prior"] else None,
    )
