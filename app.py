"""What Hugging Face Spaces and ``make demo`` run: settings → build → serve."""

from wav2vec2_app.server.serve import run
from wav2vec2_app.settings import Settings

if __name__ == "__main__":
    run(Settings())
