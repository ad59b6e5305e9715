"""The web page and its named endpoints. The only package that imports Gradio."""

import os

from wav2vec2_app.server.ui import gradio_internals
from wav2vec2_app.server.ui.mcp_import import postpone_mcp

gradio_internals.ignore_unusable_variables(os.environ)
gradio_internals.skip_stub_files()
postpone_mcp()
