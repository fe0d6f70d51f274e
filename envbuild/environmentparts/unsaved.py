"""What a saved environment leaves out, or cannot leave out: said, so that nobody learns it from the file."""

from envbuild.azuremlform.saying import warned
from envbuild.container_registry import ContainerRegistry
from envbuild.environmentparts.docker import DockerSection
from envbuild.matchspec.channel import without_logins

__all__ = ["warn_of_logins"]


def warn_of_logins(docker: DockerSection) -> None:
    """Warn of a registry's login, which is not written, and of one in a Dockerfile, which is."""
    registry, dockerfile = docker.base_image_registry, docker.base_dockerfile
    if isinstance(registry, ContainerRegistry) and (registry.username or registry.password):
        warned("docker.base_image_registry: the login is not written; keep it with `envbuild login`")
    if dockerfile is not None and without_logins(dockerfile)[1]:
        hint = "take it out, and give it to the build as a secret"
        warned(f"docker.base_dockerfile: a login stands in its text, and is written with it; {hint}")
