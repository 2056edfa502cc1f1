"""Labelled collections: published layouts, the index, audit, splits, batches."""
