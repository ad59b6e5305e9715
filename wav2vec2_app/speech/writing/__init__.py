"""How a transcript is written: replacements, fillers and digits, with the times of the words kept."""
