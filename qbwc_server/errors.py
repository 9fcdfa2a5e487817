"""Errors that reach a person at the command line or in a log: what happened, and what to do."""


def typed(name: str) -> str:
    """A name as it stands in a command line that a person copies, in the shells of Linux and of Windows."""
    return '"' + name.replace('"', '\\"') + '"'


class Problem(Exception):
    """A sentence for a person, with the next step in it. Shown without a traceback; exit code 1."""

    def __init__(self, text: str, *, code: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class NotFound(Problem):
    """Something was named that does not exist; the text lists what does."""


class AlreadyThere(Problem):
    """Something would be made that exists already; nothing was changed."""
