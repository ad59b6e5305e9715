"""Foreign and regional accents as changes of phonemes, for the synthesisers.

Phonemes are those of hibari and Kokoro (misaki's alphabet). Each accent is a list of rules; for an
utterance one accent is drawn, and each rule of it is used or not, so that no two speakers are alike.
`NATIVE` rules stay within English phonemes (hibari knows no others); `FOREIGN` rules need Kokoro.
"""

import random
import re

Rule = tuple[str, str]

CONSONANT = "bdfhjklmnpstvwzɡŋɹʃʒθðʤʧɾT"
VOWEL = "AIOQWYiuɪʊɛæɑɔʌəɜᵊᵻɒ"
END = rf"(?=[ ,.;:!?—]|$|[{CONSONANT}][ ,.;:!?])"

TENSE: Rule = ("ɪ", "i")
STOP_TH: list[Rule] = [("θ", "t"), ("ð", "d")]
FRICATIVE_TH: list[Rule] = [("θ", "s"), ("ð", "z")]
DEVOICE: list[Rule] = [
    (rf"z{END}", "s"),
    (rf"d{END}", "t"),
    (rf"v{END}", "f"),
    (rf"ɡ{END}", "k"),
    (rf"b{END}", "p"),
]
FULL_VOWELS: list[Rule] = [("ə", "ɑ"), ("ə", "ɛ"), ("ᵊ", "ə"), ("ᵻ", "i")]
FLAT: list[Rule] = [("[ˈˌ]", ""), ("ˌ", "ˈ")]

NATIVE: dict[str, list[Rule]] = {
    "indian": [
        *STOP_TH,
        ("w", "v"),
        ("v", "w"),
        ("z", "s"),
        ("ʒ", "ʤ"),
        ("æ", "ɛ"),
        ("ɔ", "ɑ"),
        ("O", "ɔ"),
        ("A", "ɛ"),
        ("[Tɾ]", "t"),
        *FULL_VOWELS,
        *FLAT,
    ],
    "spanish": [
        TENSE,
        ("z", "s"),
        ("v", "b"),
        ("ʃ", "ʧ"),
        ("ʤ", "j"),
        ("ʌ", "ɑ"),
        ("æ", "ɑ"),
        ("ʊ", "u"),
        ("ŋ", "n"),
        ("(^| )(ˈ?)s(?=[ptkmnl])", r"\1\2ɛs"),
        *STOP_TH,
        (f"d{END}", ""),
        *FULL_VOWELS,
        ("[Tɾ]", "t"),
    ],
    "german": [
        *FRICATIVE_TH,
        ("w", "v"),
        *DEVOICE,
        ("æ", "ɛ"),
        ("ʤ", "ʧ"),
        ("ʌ", "ɑ"),
        ("[Tɾ]", "t"),
    ],
    "french": [
        *FRICATIVE_TH,
        ("h", ""),
        TENSE,
        ("ʧ", "ʃ"),
        ("ʤ", "ʒ"),
        ("ʌ", "ɔ"),
        ("æ", "ɑ"),
        *FLAT,
        ("[Tɾ]", "t"),
    ],
    "slavic": [
        *FRICATIVE_TH,
        ("w", "v"),
        *DEVOICE,
        TENSE,
        ("æ", "ɛ"),
        ("ŋ", "n"),
        ("ə", "ɑ"),
        ("O", "ɔ"),
        ("[Tɾ]", "t"),
    ],
    "chinese": [
        *FRICATIVE_TH,
        ("v", "w"),
        (f"[bdɡptk]{END}", ""),
        ("ɹ", "l"),
        (f"l{END}", "ʊ"),
        TENSE,
        ("z", "s"),
        (f"n{END}", "ŋ"),
        ("æ", "ɛ"),
        *FLAT,
    ],
    "japanese": [
        ("ɹ", "l"),
        ("l", "ɹ"),
        *FRICATIVE_TH,
        ("v", "b"),
        (rf"([ptkdɡbsʃʧʤfz]){END}", r"\1u"),
        ("æ", "ɑ"),
        ("ʌ", "ɑ"),
        ("ɜɹ?", "ɑ"),
        ("ə", "ɑ"),
        *FLAT,
    ],
    "african": [
        *STOP_TH,
        ("ɪ", "i"),
        ("ʌ", "ɔ"),
        ("ɜɹ?", "ɛ"),
        ("æ", "ɑ"),
        ("ɹ(?=[ ,.;:!?]|$)", ""),
        ("O", "ɔ"),
        ("A", "ɛ"),
        *FULL_VOWELS,
        (f"([ptkbdɡfsz])[td]{END}", r"\1"),
        *FLAT,
    ],
    "arabic": [
        ("p", "b"),
        ("v", "f"),
        *FRICATIVE_TH,
        ("ŋ", "nɡ"),
        ("ɛ", "ɪ"),
        ("O", "ɔ"),
        ("ʧ", "ʃ"),
        *FULL_VOWELS,
    ],
    "italian": [
        TENSE,
        (r"([bdfklmnpstvzɡ])(?=[ ,.;:!?]|$)", r"\1ə"),
        ("h", ""),
        *STOP_TH,
        ("ʌ", "ɑ"),
        ("æ", "ɛ"),
        ("ʊ", "u"),
    ],
    "irish": [*STOP_TH, ("I", "Y"), ("ʌ", "ʊ"), ("A", "ɛ"), ("O", "ɔ"), ("ŋ", "n")],
    "scottish": [("ʊ", "u"), ("O", "ɔ"), ("A", "ɛ"), ("W", "u"), ("æ", "ɑ"), ("[Tɾ]", "ʔ")],
    "australian": [
        ("A", "I"),
        ("ɛ", "ɪ"),
        ("æ", "ɛ"),
        ("I", "Y"),
        ("ɹ(?=[ ,.;:!?]|$)", ""),
        ("ŋ(?=[ ,.;:!?]|$)", "n"),
    ],
    "new zealand": [("ɪ", "ə"), ("ɛ", "ɪ"), ("æ", "ɛ"), ("ɹ(?=[ ,.;:!?]|$)", "")],
    "london": [
        ("θ", "f"),
        ("ð", "v"),
        ("(^| )(ˈ?)h", r"\1\2"),
        ("A", "I"),
        ("[Tɾ]", "ʔ"),
        (f"t{END}", "ʔ"),
        (f"l{END}", "ʊ"),
        ("ɹ(?=[ ,.;:!?]|$)", ""),
    ],
    "northern england": [
        ("ʌ", "ʊ"),
        ("A", "ɛ"),
        ("O", "ɔ"),
        ("ɹ(?=[ ,.;:!?]|$)", ""),
        ("(^| )(ˈ?)h", r"\1\2"),
    ],
    "southern us": [("I", "ɑ"), ("ɛ(?=n)", "ɪ"), ("ŋ(?=[ ,.;:!?]|$)", "n"), ("Y", "ɔ"), ("W", "æ")],
}

FOREIGN: list[Rule] = [
    ("ɹ", "r"),
    ("A", "e"),
    ("O", "o"),
    ("Q", "o"),
    ("æ", "a"),
    ("ʌ", "a"),
    ("ɑ", "a"),
    ("ɔ", "o"),
    ("ɛ", "e"),
    ("h", "x"),
    ("t", "ʈ"),
    ("d", "ɖ"),
    ("ɹ", "ʁ"),
]


def accented(phonemes: str, rng: random.Random, *, foreign: bool = False) -> tuple[str, str]:
    """Return the accent's name and `phonemes` as a speaker of it might say them."""
    name = rng.choice(sorted(NATIVE))
    strength = rng.uniform(0.35, 0.95)
    rules = [rule for rule in NATIVE[name] if rng.random() < strength]
    if foreign:
        rules += [rule for rule in FOREIGN if rng.random() < 0.3]
    for pattern, replacement in rules:
        every = rng.random() < 0.6  # many speakers make a change only now and then
        phonemes = re.sub(
            pattern,
            lambda found, new=replacement, every=every: (
                found.expand(new) if every or rng.random() < 0.6 else found.group()
            ),
            phonemes,
        )
    return name, phonemes
