"""Why a word was transcribed: how well it and others fit the emission in its place, and the language."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.alignment import AlignedCharacter
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.exploration import ComparedWord, Explanation
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.tokenization import TextTokenizer, TokenizedWord
from wav2vec2_app.worker.model.decoding import EmissionDecoder, tokenizer_of
from wav2vec2_app.worker.model.lexicon import Lexicon
from wav2vec2_app.worker.model.viterbi import min_frames, viterbi_path
from wav2vec2_app.worker.model.word_paths import WordPath, mean_probability, word_paths


def explain(
    emission: Emission,
    start_s: float,
    words: Sequence[str],
    before: Sequence[str],
    options: DecodingOptions,
    decoder: EmissionDecoder | None,
) -> Explanation:
    """Compare ``words`` on all frames of ``emission``, which begins at ``start_s`` of the recording.

    ``decoder`` has the language model; ``None`` if none was used.
    """
    tokenizer = tokenizer_of(emission)
    lexicon = decoder.language_of(emission, options) if decoder is not None else None
    return Explanation(
        candidates=tuple(
            _candidate(emission, start_s, word, tokenizer, _log10(lexicon, options, before, word))
            for word in words
        ),
        lm_weight=options.lm_weight if lexicon is not None else 0.0,
        word_score=options.word_score if lexicon is not None else 0.0,
        letters=greedy_letters(emission),
    )


def greedy_letters(emission: Emission) -> str:
    """The greedy path: the most probable token of each frame, repeats merged, blanks dropped."""
    best = emission.log_probs.argmax(axis=1)
    kept = best[np.r_[True, best[1:] != best[:-1]]] if len(best) else best
    letters = [emission.vocabulary[token] for token in kept if token != emission.blank_id]
    return "".join(" " if one == emission.word_delimiter else one for one in letters).strip()


def _candidate(
    emission: Emission,
    start_s: float,
    text: str,
    tokenizer: TextTokenizer,
    language_log10: float | None,
) -> ComparedWord:
    spelled = TokenizedWord(
        text, tuple(part for word in tokenizer.tokenize(text) for part in word.parts)
    )
    if spelled.wildcard:
        return ComparedWord(text, language_log10=language_log10)
    try:
        [path] = word_paths(emission, [spelled], tokenizer.delimiter_id)
    except InputError:  # more letters than frames
        return ComparedWord(text, language_log10=language_log10)
    characters = _characters(emission, start_s, path)
    log_prob = _log_prob(emission, spelled, tokenizer.delimiter_id)
    return ComparedWord(text, characters, path.score, log_prob, language_log10)


def _log_prob(emission: Emission, word: TokenizedWord, delimiter_id: int | None) -> float:
    """Of the most probable path that spells ``word``, with or without the delimiters around it."""
    between = [] if delimiter_id is None else [delimiter_id]
    labels: list[int] = []
    for part in word.parts:
        labels += between if labels else []
        labels += part
    edges = ([], between) if between else ([],)
    found = []
    for before, after in product(edges, edges):
        spelled = np.array([*before, *labels, *after], np.int32)
        if min_frames(spelled) <= len(emission.log_probs):
            found.append(viterbi_path(emission.log_probs, spelled, emission.blank_id).log_prob)
    return max(found)


def _characters(emission: Emission, start_s: float, path: WordPath) -> tuple[AlignedCharacter, ...]:
    """Each letter in the frames where the path has it, so that it is where the emission's row is bright."""
    frame_s = emission.frame_s
    return tuple(
        AlignedCharacter(
            emission.vocabulary[letter.token],
            round(start_s + letter.start * frame_s, 6),
            round(start_s + letter.stop * frame_s, 6),
            mean_probability([letter.log_prob]),
        )
        for letter in path.letters
    )


def _log10(
    lexicon: Lexicon | None, options: DecodingOptions, before: Sequence[str], word: str
) -> float | None:
    return None if lexicon is None else lexicon.log10_after(before, word, options)
