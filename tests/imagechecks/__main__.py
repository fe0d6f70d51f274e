"""`python -m imagechecks LAYOUT`: one line for each finding, and exit 1 where there is any."""

import sys
from pathlib import Path

from . import Checker

if __name__ == "__main__":
    checker = Checker()
    findings = checker.layout(Path(sys.argv[1]))
    sys.stdout.writelines(
        f"{line}\n" for line in [*findings, f"{len(checker.images)} images, {len(findings)} findings"]
    )
    sys.exit(bool(findings))
