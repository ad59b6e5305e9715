"""A tiny random Whisper checkpoint in CTranslate2's format, for tests of everything but accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from ctranslate2.converters.transformers import WhisperLoader
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

TEXT_TOKENS: Final = 50257
"""Tokens of text in multilingual checkpoints."""
MULTILINGUAL: Final = ""
"""Their last token of text, by which CTranslate2 recognizes them."""
_CODES: Final = """
en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg
lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so
af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su
"""
LANGUAGES: Final = tuple(_CODES.split())
"""The languages of multilingual checkpoints before large-v3, in the order of their tokens."""
SIZE: Final = 16
TIMESTAMPS: Final = 1501
CERTAINTY: Final = 500
"""Makes one token much more probable than the others; the decoder tries uncertain texts again."""
LAST_WORD_POSITION: Final = 12
"""Decoder positions after it favour the end of the text."""


def save_tiny_whisper(folder: Path) -> Path:
    """Write a checkpoint that finds a few words of random text in any speech."""
    loader, model = WhisperLoader(), _tiny_model()
    spec = loader.get_model_spec(model)
    loader.set_config(spec.config, model, tokenizer=None)
    loader.set_vocabulary(spec, [*text_tokens(), *specials()])
    spec.validate()
    spec.optimize()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    _write_tokenizer(folder)
    return folder


def text_tokens() -> list[str]:
    """Every byte, and made-up words with the space before them as byte-level tokenizers write it."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = (f"Ġw{number}" for number in range(TEXT_TOKENS - len(letters) - 1))
    return [*letters, *words, MULTILINGUAL]


def specials() -> list[str]:
    """The special tokens after those of text, in the order of multilingual checkpoints."""
    languages = [f"<|{code}|>" for code in LANGUAGES]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    times = [f"<|{step * 0.02:.2f}|>" for step in range(TIMESTAMPS)]
    names = [f"<|{name}|>" for name in tasks]
    return ["<|endoftext|>", "<|startoftranscript|>", *languages, *names, *times]


def _tiny_model() -> WhisperForConditionalGeneration:
    tokens, end = TEXT_TOKENS + len(specials()), TEXT_TOKENS
    torch.manual_seed(7)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=tokens,
            d_model=SIZE,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=SIZE,
            decoder_ffn_dim=SIZE,
            decoder_start_token_id=end + 1,
            **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), end),
        )
    )
    with torch.no_grad():
        embedding = model.model.decoder.embed_tokens.weight
        positions = model.model.decoder.embed_positions.weight
        embedding *= CERTAINTY
        embedding[end] *= 4
        embedding[tokens - TIMESTAMPS : -1] = 0
        embedding[-1] *= 4  # the text ends with the window, or its rest would be transcribed
        positions[LAST_WORD_POSITION - 1] += 100 * embedding[-1]
        positions[LAST_WORD_POSITION:] += 100 * embedding[end]
    first = end + 2
    model.generation_config = GenerationConfig(
        suppress_tokens=[],
        begin_suppress_tokens=[end],
        alignment_heads=[[0, 0], [0, 1]],
        lang_to_id={f"<|{code}|>": first + at for at, code in enumerate(LANGUAGES)},
    )
    return model


def _write_tokenizer(folder: Path) -> None:
    tokens = text_tokens()
    tokenizer = Tokenizer(
        models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(one, special=True) for one in specials()])
    tokenizer.save(str(folder / "tokenizer.json"))
