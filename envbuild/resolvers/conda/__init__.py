"""Conda packages: solved for the target with declared virtual packages, or taken as another lock lists them."""
