"""Numbers about predictions: pure functions on arrays and case tables, each score with its interval."""
