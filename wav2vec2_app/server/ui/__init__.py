"""The page: layout, looks and handlers; the only place that knows Gradio."""

from wav2vec2_app.server.ui import stubs

stubs.spare()
