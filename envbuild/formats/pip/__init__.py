"""pip's requirements files, and lists of requirements that stand in other files."""
