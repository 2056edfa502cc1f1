"""What the pages share: the frame, session state, caches, pickers, charts and notices."""
