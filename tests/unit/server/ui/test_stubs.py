"""In processes of their own: Gradio is imported once in each."""

import subprocess
import sys

ASK = """
import sys
{first}
import gradio as gr
import gradio.component_meta as meta
print(meta.create_or_modify_pyi.__module__)
print(len(sys.meta_path) - before, gr.Button("x").click is not None)
"""


def asked(first: str) -> list[str]:
    code = ASK.format(first=f"before = len(sys.meta_path)\n{first}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:2]


def test_page_imports_gradio_without_its_stubs() -> None:
    assert asked("import wav2vec2_app.server.ui") == ["wav2vec2_app.server.ui.stubs", "0 True"]


def test_gradio_imported_before_stays_as_it_is() -> None:
    first = "import gradio, wav2vec2_app.server.ui"
    assert asked(first) == ["gradio.component_meta", "0 True"]


def test_one_finder_is_enough() -> None:
    first = "from wav2vec2_app.server.ui import stubs\nstubs.spare(); stubs.spare()"
    assert asked(first) == ["wav2vec2_app.server.ui.stubs", "0 True"]
