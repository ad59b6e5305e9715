"""What every message with an emission makes sure of."""

from __future__ import annotations

from wav2vec2_app.speech.emission import Emission


def check_emission(emission: Emission) -> None:
    """Refuse an emission whose arrays do not fit its vocabulary.

    Raises:
        ValueError: ``log_probs`` is not ``(frames, tokens)``, or ``prior`` or ``energy_db``
            has another length.
    """
    tokens = len(emission.vocabulary)
    shape = emission.log_probs.shape
    if len(shape) != 2 or shape[1] != tokens:
        raise ValueError(f"log_probs has the shape {shape}, and there are {tokens} tokens")
    if emission.prior is not None and len(emission.prior) != tokens:
        raise ValueError("the prior needs a value for each token")
    if emission.energy_db is not None and emission.energy_db.shape != shape[:1]:
        raise ValueError("energy_db needs a value for each frame")
