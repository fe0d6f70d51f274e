"""Our lock document, what changed between two, and its export for other installers."""
