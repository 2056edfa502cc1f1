"""What a page or a command does, as plain functions over core types."""
