"""The parts of the Heatmaps page."""
