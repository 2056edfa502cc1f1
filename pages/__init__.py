"""One file per page: widgets and calls to workflows, no arithmetic."""
