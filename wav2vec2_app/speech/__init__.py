"""Nouns and arithmetic of speech that the server and the workers share."""
