"""The page: layout, looks and handlers; the only place that knows Gradio."""
