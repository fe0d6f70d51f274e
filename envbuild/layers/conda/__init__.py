"""A conda package as a layer: opened, linked into the one prefix as rattler links it, written as a segment."""
