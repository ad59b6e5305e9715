"""Live captions: ongoing speech is transcribed in repeated passes until its words are committed."""
