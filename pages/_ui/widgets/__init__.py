"""What several pages use: pickers, drops, charts, notices, downloads."""
