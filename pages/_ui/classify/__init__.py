"""The parts of the Classify page."""
