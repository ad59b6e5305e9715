"""Sound before the model: decoding any upload to 16 kHz mono, and its acoustic features."""
