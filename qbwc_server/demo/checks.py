"""What a demonstration claims, and whether it is so."""

from collections.abc import Callable


class Checks:
    """Each claim is one sentence; a failed one is told at once and makes the whole demonstration fail."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.held = 0
        self.failed: list[str] = []

    def claim(self, sentence: str, *, holds: bool, otherwise: str = "") -> bool:
        """`otherwise` says what is seen instead."""
        if holds:
            self.held += 1
            self._say(f"  ok      {sentence}")
        else:
            said = f"{sentence}. What is seen: {otherwise}" if otherwise else sentence
            self.failed.append(said)
            self._say(f"  FAILED  {said}")
        return holds
