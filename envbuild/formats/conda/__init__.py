"""conda's environment.yml and the specs in it."""
