"""Exceptions. Their text is the sentence that the command line says after ``error:``."""


class CultureMERTError(Exception):
    """Anything that went wrong."""


class UsageError(CultureMERTError, ValueError):
    """The request was wrong: a missing file, a value that cannot be. The command line exits with 2."""


class WorkError(CultureMERTError, RuntimeError):
    """The work failed. The command line exits with 1."""
