"""Hidden states of a model as features for scikit-learn."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Iterable, Optional, Sequence, Union

import numpy as np

try:
    from sklearn.base import BaseEstimator, TransformerMixin  # type: ignore[import-untyped]
except ImportError as _error:
    raise ImportError(
        "CultureMERTFeatures needs scikit-learn: pip install 'culturemert[sklearn]'"
    ) from _error

from ._culturemert import Model, load
from .errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Audio = Union[str, "os.PathLike[str]", NDArray[np.float32]]


class CultureMERTFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Recordings to means over time of hidden states of a model.

    The model is frozen, so fitting learns nothing; it loads the model. A fitted transformer is pickled with the model's path.

    Parameters
    ----------
    model : path of a model directory, or a Model
    layers : "all", a number (0 is the input of the first layer, -1 the last output), or several
    sr : int, samples a second of recordings that are given as arrays
    window : int, seconds that go through the model at once; 0: the whole recording
    dtype : "f32", "bf16", "f16" or "split": what products are computed in, where `model` is a path
    normalize : whether recordings are brought to mean 0 and variance 1, where `model` is a path; None: as its preprocessor says
    device : "cpu", "auto", or a card such as "vulkan:0": where the model computes, where `model` is a path
    resampler : "torchaudio" (as the published models heard) or "hq", how recordings come to 24 kHz

    Attributes
    ----------
    model_ : Model, the loaded model
    """

    def __init__(
        self,
        model: Union[str, "os.PathLike[str]", Model],
        *,
        layers: Union[str, int, Sequence[int]] = "all",
        sr: Optional[int] = None,
        window: int = 30,
        dtype: str = "f32",
        normalize: Optional[bool] = None,
        device: str = "cpu",
        resampler: str = "torchaudio",
    ) -> None:
        self.model = model
        self.layers = layers
        self.sr = sr
        self.window = window
        self.dtype = dtype
        self.normalize = normalize
        self.device = device
        self.resampler = resampler

    def fit(self, X: Any = None, y: Any = None) -> "CultureMERTFeatures":
        """Loads the model. `X` and `y` are not looked at."""
        if isinstance(self.model, Model):
            self.model_ = self.model
        else:
            self.model_ = load(self.model, dtype=self.dtype, normalize=self.normalize, device=self.device)
        return self

    def transform(self, X: Iterable["_Audio"]) -> "NDArray[np.float32]":
        """Features of recordings.

        Parameters
        ----------
        X : paths, or float32 arrays (samples,) or (channels, samples) with `sr` samples a second, as `Model.embed` takes them

        Returns
        -------
        float32 array (recordings, layers · width), states one after another
        """
        if isinstance(X, (str, bytes, os.PathLike)):
            raise UsageError("`X` is a list of recordings, not one; give `[X]`")
        if not hasattr(self, "model_"):
            self.fit()
        rows = []
        for audio in X:
            is_samples = isinstance(audio, np.ndarray)
            states = self.model_.embed(
                audio,
                self.sr if is_samples else None,
                layers=self.layers,
                pool="mean",
                window=self.window,
                resampler=self.resampler,
            )
            rows.append(states.reshape(-1))
        if not rows:
            raise UsageError("`X` is empty: there is no recording to hear")
        return np.stack(rows)

    def get_feature_names_out(self, input_features: Any = None) -> "NDArray[np.object_]":
        """Names of the features: `state3_17` is value 17 of state 3."""
        if not hasattr(self, "model_"):
            self.fit()
        n_states = self.model_.n_states
        if self.layers == "all":
            states = list(range(n_states))
        else:
            states = [layer % n_states for layer in np.atleast_1d(self.layers).tolist()]
        width = self.model_.width
        return np.array([f"state{state}_{at}" for state in states for at in range(width)], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        # Nothing is learned, so an unfitted transformer transforms as well as a fitted one.
        return True
