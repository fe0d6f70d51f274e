"""The parts of an `Environment`: its sections, the folder that it is saved in, and the definition that it means."""
