"""Settings: which there are, and where each one's value comes from."""
