"""The nouns: frozen, validated, JSON in and out. Nothing here computes on scans or loads a network."""
