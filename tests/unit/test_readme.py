"""The head of README.md, which configures the Hugging Face Space."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_head_of_the_readme_configures_the_space() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    head = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert head is not None
    space = yaml.safe_load(head[1])

    assert space["sdk"] == "gradio"
    assert (ROOT / space["app_file"]).is_file()
    assert f"gradio=={space['sdk_version']}\n" in (ROOT / "requirements.txt").read_text("utf-8")
    assert space["license"] == "apache-2.0"
    assert space["pinned"] is False
    assert len(space["short_description"]) <= 60
    [preloaded] = space["preload_from_hub"]
    repository, files = preloaded.split()
    assert repository == "facebook/wav2vec2-base-960h"
    assert "model.safetensors" in files.split(",")
