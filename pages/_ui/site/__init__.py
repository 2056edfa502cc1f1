"""The parts of the Site page."""
