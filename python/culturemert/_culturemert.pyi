"""Types of the verbs. A test compares them with the functions; what arguments mean stands in the functions' own documentation."""

from os import PathLike
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union, final

import numpy as np
from numpy.typing import NDArray

_Path = Union[str, PathLike[str]]
_Audio = Union[_Path, NDArray[np.float32]]
_ModelOrPath = Union[_Path, Model]
_Document = Dict[str, Any]

__version__: str

@final
class Model:
    @property
    def path(self) -> Any: ...
    @property
    def n_states(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def normalizes(self) -> bool: ...
    @property
    def hash(self) -> str: ...
    def embed(
        self,
        audio: _Audio,
        sr: Optional[int] = None,
        *,
        layers: Union[None, str, int, Sequence[int]] = None,
        pool: Optional[str] = None,
        window: int = 30,
        resampler: str = "torchaudio",
    ) -> NDArray[np.float32]: ...
    def tag(
        self, audio: _Audio, probe: _Path, sr: Optional[int] = None, *, resampler: str = "torchaudio"
    ) -> Dict[str, float]: ...
    def __reduce__(self) -> Any: ...

@final
class Codec:
    @property
    def hash(self) -> str: ...
    @property
    def n_codebooks(self) -> int: ...
    @property
    def n_entries(self) -> int: ...

def load(
    path: _Path, *, dtype: str = "f32", normalize: Optional[bool] = None, device: str = "cpu"
) -> Model: ...
def load_codec(path: _Path, *, bandwidth: Optional[float] = None) -> Codec: ...
def tokens(
    audio: _Audio,
    sr: Optional[int] = None,
    *,
    codec: Union[Codec, _Path],
    bandwidth: Optional[float] = None,
    resampler: str = "torchaudio",
) -> NDArray[np.uint16]: ...
def cqt(
    audio: _Audio, sr: Optional[int] = None, *, bins: int = 336, resampler: str = "torchaudio"
) -> NDArray[np.float32]: ...
def synth(
    out: _Path, minutes: float = 4.0, seed: int = 0, *, piece_seconds: float = 30.0, annotations: bool = False
) -> _Document: ...
def prepare(
    index: _Path,
    out: _Path,
    *,
    codec: Optional[_Path] = None,
    bandwidth: Optional[float] = None,
    resampler: str = "torchaudio",
    segment_seconds: float = 30.0,
    shard_bytes: Optional[int] = None,
    max_quarantined: float = 0.1,
    shard: Optional[str] = None,
    assemble: Optional[int] = None,
    audio_root: Union[None, _Path, Sequence[_Path]] = None,
    splits: Optional[_Path] = None,
    replace: bool = False,
) -> _Document: ...
def fit_codec(
    corpus: _Path,
    out: _Path,
    *,
    codebooks: int = 8,
    entries: int = 1024,
    max_frames: int = 250_000,
    features: str = "log-mel",
    bins: Optional[int] = None,
    seed: int = 0,
) -> _Document: ...
def tokenize(
    corpus: _Path,
    codec: _Path,
    *,
    bandwidth: Optional[float] = None,
    shard: Optional[str] = None,
    assemble: Optional[int] = None,
) -> _Document: ...
def pretrain(
    plan: Optional[_Path],
    corpus: _Path,
    init: Optional[_ModelOrPath],
    out: _Path,
    *,
    on_log: Optional[Callable[[_Document], object]] = None,
    resume: bool = False,
    overrides: Union[None, Mapping[str, object], List[str]] = None,
    heads: Optional[_Path] = None,
    fresh_heads: bool = False,
    as_trained: bool = False,
    accept_drift: bool = False,
    codec_hash: Optional[str] = None,
    device: str = "cpu",
) -> _Document: ...
def merge(
    base: Optional[_ModelOrPath],
    models: Sequence[_ModelOrPath],
    weights: Union[float, Sequence[float]],
    out: _Path,
    *,
    method: str = "task_arithmetic",
    parameters: Optional[Mapping[str, object]] = None,
    groups: Optional[Mapping[str, float]] = None,
    seed: int = 0,
    shard_bytes: Optional[int] = None,
    licence: Optional[str] = None,
    results: Optional[_Path] = None,
) -> _Document: ...
def task_vector(base: _ModelOrPath, model: _ModelOrPath, out: _Path) -> _Document: ...
def inspect(file: _ModelOrPath, against: Optional[_ModelOrPath] = None) -> _Document: ...
def probe(
    model: _ModelOrPath,
    corpus: _Path,
    tags: str,
    out: _Path,
    *,
    culture: Optional[str] = None,
    split: str = "corpus",
    split_seed: int = 0,
    config: Optional[_Path] = None,
    normalize: Optional[bool] = None,
    features: Optional[_Path] = None,
    shard: Optional[str] = None,
    device: str = "cpu",
) -> _Document: ...
def similarity(
    corpus: Optional[_Path] = None,
    *,
    codes: Optional[Mapping[str, _Path]] = None,
    entries: Optional[int] = None,
    counts: Optional[_Path] = None,
    codec_hash: Optional[str] = None,
    out: Optional[_Path] = None,
    unit: str = "nats",
    by: str = "recording",
    resamples: int = 1000,
    splits: int = 200,
    level: float = 0.95,
    seed: int = 0,
    transfer: Optional[_Path] = None,
    source: Optional[Mapping[str, str]] = None,
    target: Optional[Mapping[str, str]] = None,
    adapted: Union[None, str, Sequence[str]] = None,
    lambda_: float = 0.2,
    temperature: float = 1.0,
) -> _Document: ...
