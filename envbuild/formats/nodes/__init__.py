"""YAML and JSON as nodes with their lines."""
