"""What Hugging Face Spaces and ``make demo`` run: settings → build → serve."""

from wav2vec2_app.server.serve import main

if __name__ == "__main__":
    main()
