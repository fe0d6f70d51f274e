"""A client for the OCI distribution specification 1.1, and images and claims brought to registries with it."""
