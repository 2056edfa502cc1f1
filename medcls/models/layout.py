"""Names of the files that a model folder may hold."""

CARD, WEIGHTS, CONFIG = "card.json", "model.safetensors", "config.json"
EVALUATION, CASES, README, FEATURES = "evaluation.json", "cases.csv", "README.md", "features.safetensors"
SEEN, POINTING, STRESS = "seen.txt", "pointing.json", "stress.json"
# Everything a model folder may hold.
FILES = (CARD, CONFIG, WEIGHTS, FEATURES, SEEN, EVALUATION, CASES, POINTING, STRESS, README)
SEALED = (WEIGHTS, CONFIG, FEATURES, SEEN, EVALUATION, CASES, POINTING, STRESS)  # what the card's `files` vouches for
STUDIES = (POINTING, STRESS)  # change no answer: checked when they are shown
