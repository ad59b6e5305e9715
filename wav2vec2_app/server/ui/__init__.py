"""The web page and its named endpoints. The only package that imports Gradio."""

from wav2vec2_app.server.ui import gradio_internals

gradio_internals.skip_stub_files()
