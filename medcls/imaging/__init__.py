"""Bytes become a `Scan`, and a `Scan` becomes what a network eats. Nothing here writes to disk."""
