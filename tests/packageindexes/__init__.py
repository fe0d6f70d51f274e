"""Package indexes on this machine: pypiserver as it is, and a site that speaks PEP 691 and misbehaves on request."""
