"""Music foundation models adapted to cultures, and what that did, on numpy arrays.

Each function is a verb of the ``culturemert`` command and gives the same, bit for bit. Errors are the command's sentences:
:class:`UsageError` where it exits with 2, :class:`WorkError` where it exits with 1. Work goes on without the interpreter lock, Ctrl-C ends it
well, and what the command says on stderr goes to the logger ``culturemert``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import CultureMERTError, UsageError, WorkError
from ._culturemert import (
    Codec,
    Model,
    __version__,
    cqt,
    fit_codec,
    inspect,
    load,
    load_codec,
    merge,
    prepare,
    pretrain,
    probe,
    similarity,
    synth,
    task_vector,
    tokenize,
    tokens,
)

if TYPE_CHECKING:
    from .features import CultureMERTFeatures

__all__ = [
    "Codec",
    "CultureMERTError",
    "CultureMERTFeatures",
    "Model",
    "UsageError",
    "WorkError",
    "__version__",
    "cqt",
    "fit_codec",
    "inspect",
    "load",
    "load_codec",
    "merge",
    "prepare",
    "pretrain",
    "probe",
    "similarity",
    "synth",
    "task_vector",
    "tokenize",
    "tokens",
]


def __getattr__(name: str) -> object:
    # scikit-learn is imported by those who use it.
    if name == "CultureMERTFeatures":
        from .features import CultureMERTFeatures

        return CultureMERTFeatures
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
