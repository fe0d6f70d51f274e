"""Bad input, as data: what a user may hand in by mistake, and what they must be told."""
