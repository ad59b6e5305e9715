"""The acoustic analysis: loudness, voice, formants, spectrum, rhythm, silences. numpy only, in blocks."""
