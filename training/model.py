"""The network's shape, its vocabulary and its initial weights: one standard `Wav2Vec2ForCTC`."""

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from training.positions import GROUPS, KERNEL

# Order and names of facebook/wav2vec2-base-960h, so that both checkpoints decode the same way.
VOCABULARY = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
LETTER_ID = {token: index for index, token in enumerate(VOCABULARY)}
BLANK = LETTER_ID["<pad>"]

SAMPLE_RATE_HZ = 16_000
FRAME_STRIDE = 320  # samples from one frame to the next: 20 ms
FRAME_WIDTH = 1200  # samples that one frame depends on: 75 ms, about what Whisper's front sees
KERNELS = (10, 3, 3, 3, 3, 4, 6)
CHANNELS = (64, 96, 128, 128, 192, 256, 512)


def build_config() -> Wav2Vec2Config:
    """Return the configuration of the embedded checkpoint (about 23 million parameters)."""
    return Wav2Vec2Config(
        vocab_size=len(VOCABULARY),
        conv_dim=CHANNELS,
        conv_kernel=KERNELS,
        conv_stride=(5, 2, 2, 2, 2, 2, 2),
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        hidden_size=512,
        num_hidden_layers=6,
        num_attention_heads=8,
        intermediate_size=2048,
        num_conv_pos_embeddings=KERNEL,
        num_conv_pos_embedding_groups=GROUPS,
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
    """Return a network with weights drawn from `seed`."""
    torch.manual_seed(seed)
    return Wav2Vec2ForCTC(build_config())


@torch.no_grad()
def copy_whisper(model: Wav2Vec2ForCTC, arrays: dict[str, Tensor]) -> None:
    """Give the transformer Whisper's weights."""

    def copy(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)

    encoder = model.wav2vec2.encoder
    for index, layer in enumerate(encoder.layers):
        attention, ffn = f"layer_{index}/self_attention", f"layer_{index}/ffn"
        stacked = zip(
            arrays[f"{attention}/linear_0/weight"].chunk(3),
            arrays[f"{attention}/linear_0/bias"].chunk(3),
            strict=True,
        )
        parts = layer.attention
        for target, (weight, bias) in zip(
            (parts.q_proj, parts.k_proj, parts.v_proj), stacked, strict=True
        ):
            copy(target, weight, bias)
        for target, name in (
            (parts.out_proj, f"{attention}/linear_1"),
            (layer.feed_forward.intermediate_dense, f"{ffn}/linear_0"),
            (layer.feed_forward.output_dense, f"{ffn}/linear_1"),
        ):
            copy(target, arrays[f"{name}/weight"], arrays[f"{name}/bias"])
        for target, name in ((layer.layer_norm, attention), (layer.final_layer_norm, ffn)):
            copy(target, arrays[f"{name}/layer_norm/gamma"], arrays[f"{name}/layer_norm/beta"])
    copy(encoder.layer_norm, arrays["layer_norm/gamma"], arrays["layer_norm/beta"])


@torch.no_grad()
def copy_convolutions(model: Wav2Vec2ForCTC, checkpoint: str, layers: int = 5) -> None:
    """Take the first convolutions from a checkpoint that has the same shapes there."""
    weights = load_file(checkpoint)
    for index, layer in enumerate(model.wav2vec2.feature_extractor.conv_layers[:layers]):
        stem = f"wav2vec2.feature_extractor.conv_layers.{index}."
        values = {k.removeprefix(stem): v.float() for k, v in weights.items() if k.startswith(stem)}
        layer.load_state_dict(values)


def frames_of(samples: int) -> int:
    """Return how many 20 ms frames the convolutions make of `samples` audio samples."""
    return max(0, (samples - FRAME_WIDTH) // FRAME_STRIDE + 1)


def encode_text(text: str) -> list[int]:
    """Return the letter ids of `text` (any case; letters, apostrophe, space)."""
    return [LETTER_ID["|" if char == " " else char] for char in text.upper()]


def decode_greedy(ids: list[int]) -> str:
    """Collapse the most probable letter ids (one a frame) to lower-case text."""
    letters = []
    previous = BLANK
    for index in ids:
        if index != previous and index > LETTER_ID["<unk>"]:
            letters.append(VOCABULARY[index])
        previous = index
    return " ".join("".join(letters).replace("|", " ").split()).lower()
