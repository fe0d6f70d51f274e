"""A docker-registry on loopback whose storage is made anew for each measurement, from a template that holds the base image."""

import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

TYPES = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json"


class Registry:
    """`docker-registry serve` on a port of its own, filesystem storage, no cache of blob descriptors."""

    def __init__(self, folder: Path) -> None:
        self._storage, self._template = folder / "storage", folder / "template"
        self._settings, self._log = folder / "registry.yml", folder / "registry.log"
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        self._settings.write_text(
            "version: 0.1\n"
            "log: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self._storage}}}}}\n"
            f"http: {{addr: '{self.host}'}}\n"
        )
        self._template.mkdir()

    def fresh(self) -> None:
        """Start over, with what the template holds and nothing else."""
        self.stop()
        shutil.rmtree(self._storage, ignore_errors=True)
        shutil.copytree(self._template, self._storage)
        self._start()

    def keep(self) -> None:
        """What is in the storage now is the template from here on."""
        self.stop()
        shutil.rmtree(self._template)
        shutil.copytree(self._storage, self._template)
        self._start()

    def has(self, repository: str, tag: str) -> bool:
        """Whether an image is there under this name."""
        request = Request(
            f"http://{self.host}/v2/{repository}/manifests/{tag}", headers={"Accept": TYPES}, method="HEAD"
        )
        try:
            return urlopen(request, timeout=10).status == 200
        except URLError:
            return False

    def _start(self) -> None:
        with self._log.open("ab") as log:
            command = ["docker-registry", "serve", str(self._settings)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while True:
            try:
                urlopen(f"http://{self.host}/v2/", timeout=5).close()
            except URLError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"docker-registry does not start:\n{self._log.read_text()}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None
