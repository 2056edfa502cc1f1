"""Models measured on labelled scans: which cases may be asked, asking them, scores, tables, comparisons."""
