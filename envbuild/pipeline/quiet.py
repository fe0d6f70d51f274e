"""`Quiet`: a reporter that says nothing."""

__all__ = ["Quiet"]


class Quiet:
    """Implements `ports.Reporter` for questions that are asked on the way, and for `--quiet`."""

    def begin(self, stage: str, total: int) -> None:
        """Nothing."""

    def advance(self, stage: str, amount: int) -> None:
        """Nothing."""

    def end(self, stage: str) -> None:
        """Nothing."""

    def notice(self, text: str) -> None:
        """Nothing."""
