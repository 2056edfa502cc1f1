"""A model: its folder on disk, the networks and means that answer, and the card a person reads."""
