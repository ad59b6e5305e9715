"""Operations of the ``text`` role: read an emission, align a text with one.

==========  =================================================  ===========================================
operation   takes                                              gives
==========  =================================================  ===========================================
read        an emission; meta ``decoding`` (fields of           meta ``words``, ``confidence``, ``decoder``,
            :class:`DecodingOptions`), ``embedded``                    ``reason``, ``note``
align       an emission; meta ``text``                         meta ``words`` (text, letters, wildcard),
                                                               ``score``; arrays ``words`` and ``letters``:
                                                               start, end and score of each
==========  =================================================  ===========================================

An emission is what :mod:`wav2vec2_app.bridge.emissions` packs. Every answer has ``stages``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wav2vec2_app.errors import ModelError
from wav2vec2_app.protocol.emissions import unpack_emission
from wav2vec2_app.speech.alignment import AlignedCharacter, AlignedWord
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.worker.loop import Call, Operations, Reply
from wav2vec2_app.worker.model.alignment import align
from wav2vec2_app.worker.model.alphabet import Alphabet
from wav2vec2_app.worker.model.checkpoint_files import CONFIG, json_number, read_json
from wav2vec2_app.worker.model.decoding import EmissionDecoder, tokenizer_of
from wav2vec2_app.worker.model.viterbi import prepare
from wav2vec2_app.worker.stages import in_turn


def create(config: Mapping[str, Any]) -> Operations:
    """The role's operations.

    ``config`` has ``language_model`` and ``embedded``, both folders, and ``warm_up``: whether the embedded
    model's beam is likely to be asked for. If not, the first to ask waits for it, and until then it takes no
    memory.
    """
    decoder = EmissionDecoder(Path(config["language_model"]))
    prepare()
    if config["warm_up"]:
        warm_up(decoder, Path(config["embedded"]))
    return Operations(
        handlers={"read": lambda call: read(call, decoder), "align": align_text},
        info=lambda: {"note": decoder.note},
    )


def read(call: Call, decoder: EmissionDecoder) -> Reply:
    """Decode an emission."""
    begin = time.perf_counter()
    emission = unpack_emission(call.meta["emission"], call.arrays)
    asked = dict(call.meta["decoding"])
    decoding = DecodingOptions(**{**asked, "hotwords": tuple(asked.get("hotwords", ()))})
    found = decoder.decode(emission, decoding, embedded=call.meta["embedded"])
    return Reply({**asdict(found), "stages": in_turn({"decode text": time.perf_counter() - begin})})


def align_text(call: Call) -> Reply:
    """Align a text with an emission."""
    begin = time.perf_counter()
    emission = unpack_emission(call.meta["emission"], call.arrays)
    found = align(emission, str(call.meta["text"]), tokenizer_of(emission))
    words = [
        {"text": w.text, "letters": [c.text for c in w.characters], "wildcard": w.wildcard}
        for w in found.words
    ]
    letters = [character for word in found.words for character in word.characters]
    stages = in_turn({"align": time.perf_counter() - begin})
    return Reply(
        {"words": words, "score": found.score, "stages": stages},
        {"words": _spans(found.words), "letters": _spans(letters)},
    )


def _spans(parts: Sequence[AlignedWord] | Sequence[AlignedCharacter]) -> Float32:
    """Start, end and score of each part: float32 ``(parts, 3)``."""
    rows = [(part.start_s, part.end_s, part.score) for part in parts]
    return np.array(rows, np.float32).reshape(len(rows), 3)


def warm_up(decoder: EmissionDecoder, embedded: Path) -> None:
    """Prepare for the embedded model's letters, so that the first request need not wait."""
    try:
        config = read_json(embedded / CONFIG)
        alphabet = Alphabet.of(embedded)
        alphabet = alphabet.fitted(int(json_number(config.get("vocab_size", len(alphabet.tokens)))))
    except ModelError:
        return  # the inference worker says so better
    decoder.warm_up(
        Emission(
            log_probs=np.zeros((0, len(alphabet.tokens)), np.float32),
            vocabulary=alphabet.tokens,
            blank_id=alphabet.blank_id,
            word_delimiter=alphabet.word_delimiter,
            frame_s=0.02,
        )
    )
