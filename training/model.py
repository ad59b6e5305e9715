"""The network's shape and vocabulary: one small, standard `Wav2Vec2ForCTC`."""

import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

# Order and names of facebook/wav2vec2-base-960h, so that both checkpoints read the same way.
VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
LETTER_ID = {token: index for index, token in enumerate(VOCABULARY)}
BLANK = LETTER_ID["<pad>"]

SAMPLE_RATE_HZ = 16_000
FRAME_STRIDE = 320  # samples from one frame to the next: 20 ms
FRAME_WIDTH = 400  # samples one frame sees: 25 ms


def build_config() -> Wav2Vec2Config:
    """Return the configuration of the embedded checkpoint (about 5.5 million parameters)."""
    return Wav2Vec2Config(
        vocab_size=len(VOCABULARY),
        conv_dim=(64, 96, 128, 128, 192, 192, 256),
        conv_kernel=(10, 3, 3, 3, 3, 2, 2),
        conv_stride=(5, 2, 2, 2, 2, 2, 2),
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        hidden_size=256,
        num_hidden_layers=6,
        num_attention_heads=4,
        intermediate_size=1024,
        num_conv_pos_embeddings=64,
        num_conv_pos_embedding_groups=16,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        apply_spec_augment=False,
        mask_time_prob=0.0,
        pad_token_id=BLANK,
        bos_token_id=LETTER_ID["<s>"],
        eos_token_id=LETTER_ID["</s>"],
        ctc_loss_reduction="mean",
        ctc_zero_infinity=True,
    )


def build_model(seed: int = 1) -> Wav2Vec2ForCTC:
    """Return a fresh network with weights drawn from `seed`."""
    torch.manual_seed(seed)
    return Wav2Vec2ForCTC(build_config())


def frames_of(samples: int) -> int:
    """Return how many 20 ms frames the convolutions make of `samples` audio samples."""
    return (samples - FRAME_WIDTH) // FRAME_STRIDE + 1


def encode_text(text: str) -> list[int]:
    """Return the letter ids of `text` (any case; letters, apostrophe, space)."""
    return [LETTER_ID["|" if char == " " else char] for char in text.upper()]


def decode_greedy(ids: list[int]) -> str:
    """Collapse a best path of letter ids (one a frame) to lower-case text."""
    letters = []
    previous = BLANK
    for index in ids:
        if index != previous and index > LETTER_ID["<unk>"]:
            letters.append(VOCABULARY[index])
        previous = index
    return " ".join("".join(letters).replace("|", " ").split()).lower()
