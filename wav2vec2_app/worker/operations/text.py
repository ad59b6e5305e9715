"""Operations of the ``text`` role: decode an emission, add punctuation, align a text with an emission."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wav2vec2_app.errors import ModelError
from wav2vec2_app.protocol import codec
from wav2vec2_app.protocol.exploration import ExplainRequest, ExplainResponse
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import Context, Empty
from wav2vec2_app.protocol.search import KeywordSearchRequest, SoundSearchRequest
from wav2vec2_app.protocol.text import (
    AlignRequest,
    AlignResponse,
    DecodeTextRequest,
    DecodeTextResponse,
    PunctuateRequest,
    PunctuateResponse,
    TextInfo,
    text_bytes,
)
from wav2vec2_app.speech.alignment import AlignedCharacter, AlignedWord
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.transcript import with_written
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.model.alignment import align
from wav2vec2_app.worker.model.alphabet import Alphabet
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.checkpoint_files import CONFIG, json_number, read_json
from wav2vec2_app.worker.model.decoding import EmissionDecoder, tokenizer_of
from wav2vec2_app.worker.model.explanation import explain
from wav2vec2_app.worker.model.search import prepare as prepare_search
from wav2vec2_app.worker.model.viterbi import prepare
from wav2vec2_app.worker.model.writing import Writer
from wav2vec2_app.worker.operations.search import search_keyword, search_sound
from wav2vec2_app.worker.stages import sequence


@dataclass(frozen=True)
class TextConfig:
    """The role's configuration.

    Attributes:
        language_model, embedded, punctuation: folders of the language model, the embedded checkpoint and the
            punctuation model.
        warm_up: whether to prepare the beam decoder for the embedded checkpoint at the start. Else the
            first request that needs it waits for it, and it uses no memory until then.
    """

    language_model: Path
    embedded: Path
    punctuation: Path
    warm_up: bool


def create(config: Mapping[str, object]) -> Role:
    """The role; ``config`` has the fields of :class:`TextConfig`."""
    given = codec.unpack(TextConfig, Body(config))
    decoder = EmissionDecoder(given.language_model)
    writer = Writer(given.punctuation)
    prepare()
    prepare_search()
    if given.warm_up:
        warm_up(decoder, given.embedded)
        writer.warm_up()

    def decode(request: DecodeTextRequest, context: Context[Empty]) -> DecodeTextResponse:
        return decode_text(request, decoder, writer, context.check_cancelled)

    def punctuate(request: PunctuateRequest, context: Context[Empty]) -> PunctuateResponse:
        return punctuate_text(request, writer, context.check_cancelled)

    def explain_one(request: ExplainRequest, _: Context[Empty]) -> ExplainResponse:
        return explain_word(request, decoder)

    return Role(
        (
            DecodeTextRequest.handler(decode),
            PunctuateRequest.handler(punctuate),
            AlignRequest.handler(align_text),
            ExplainRequest.handler(explain_one),
            KeywordSearchRequest.handler(search_keyword),
            SoundSearchRequest.handler(search_sound),
        ),
        info=lambda: TextInfo(decoder.note),
    )


def decode_text(
    request: DecodeTextRequest,
    decoder: EmissionDecoder,
    writer: Writer,
    check: CheckCancelled = never_cancelled,
) -> DecodeTextResponse:
    """Decode an emission and write its words; ``check`` is called between the steps."""
    begin = time.perf_counter()
    found = decoder.decode(
        request.emission, request.decoding, embedded=request.embedded, check=check
    )
    times_s = {"decode text": time.perf_counter() - begin}
    words = found.words
    if request.written and words and writer.can_write(request.emission, words):
        begin = time.perf_counter()
        texts = [word.text for word in words]
        words = with_written(words, writer.write(texts, request.decoding.hotwords, check))
        times_s["punctuate"] = time.perf_counter() - begin
    return DecodeTextResponse(
        words=words,
        confidence=found.confidence,
        decoder=found.decoder,
        reason=found.reason,
        note=found.note,
        stages=sequence(times_s),
    )


def punctuate_text(
    request: PunctuateRequest, writer: Writer, check: CheckCancelled = never_cancelled
) -> PunctuateResponse:
    """Write the words of a text."""
    begin = time.perf_counter()
    written = writer.write(request.words, request.names, check)
    return PunctuateResponse(
        text_bytes(written), stages=sequence({"punctuate": time.perf_counter() - begin})
    )


def align_text(request: AlignRequest, context: Context[Empty]) -> AlignResponse:
    """Align a text with an emission."""
    begin = time.perf_counter()
    found = align(
        request.emission, request.text, tokenizer_of(request.emission), context.check_cancelled
    )
    letters = [character for word in found.words for character in word.characters]
    return AlignResponse(
        texts=tuple(word.text for word in found.words),
        wildcards=np.array([word.wildcard for word in found.words], np.bool_),
        word_spans=_spans(found.words),
        letters=tuple(letter.text for letter in letters),
        letter_counts=np.array([len(word.characters) for word in found.words], np.int32),
        letter_spans=_spans(letters),
        score=found.score,
        stages=sequence({"align": time.perf_counter() - begin}),
    )


def explain_word(request: ExplainRequest, decoder: EmissionDecoder) -> ExplainResponse:
    """Compare words in one place."""
    begin = time.perf_counter()
    found = explain(
        request.emission,
        request.start_s,
        request.words,
        request.before,
        request.decoding,
        decoder if request.language else None,
    )
    return ExplainResponse(found, stages=sequence({"explain": time.perf_counter() - begin}))


def _spans(parts: Sequence[AlignedWord] | Sequence[AlignedCharacter]) -> Float32:
    """Start, end and score of each part: float32 ``(parts, 3)``."""
    rows = [(part.start_s, part.end_s, part.score) for part in parts]
    return np.array(rows, np.float32).reshape(len(rows), 3)


def warm_up(decoder: EmissionDecoder, embedded: Path) -> None:
    """Prepare the beam decoder for the embedded model, so that the first request need not wait."""
    try:
        config = read_json(embedded / CONFIG)
        alphabet = Alphabet.of(embedded)
        alphabet = alphabet.fitted(int(json_number(config.get("vocab_size", len(alphabet.tokens)))))
    except ModelError:
        return  # the inference worker reports it
    decoder.warm_up(
        Emission(
            log_probs=np.zeros((0, len(alphabet.tokens)), np.float32),
            vocabulary=alphabet.tokens,
            blank_id=alphabet.blank_id,
            word_delimiter=alphabet.word_delimiter,
            frame_s=0.02,
        )
    )
