"""The transformer is one of scikit-learn's."""

import pickle
import subprocess
import sys

import culturemert
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def some(ground, n=12):
    """Recordings and their cultures."""
    wavs = sorted(ground.recordings.rglob("*.wav"))[:: max(1, 30 // n)]
    return [str(wav) for wav in wavs], [wav.name[:3] for wav in wavs]


def test_features_are_the_means_of_the_states(ground):
    wavs, _ = some(ground)
    transformer = culturemert.CultureMERTFeatures(ground.model, layers=[1, -1]).fit(wavs)
    features = transformer.transform(wavs)
    model = culturemert.load(ground.model)
    means = [model.embed(wav, layers=[1, 4], pool="mean").reshape(-1) for wav in wavs]
    assert features.dtype == np.float32 and np.array_equal(features, np.stack(means))
    assert np.array_equal(transformer.transform(np.array(wavs)), features)
    names = transformer.get_feature_names_out()
    assert (len(names), names[0], names[-1]) == (2 * 96, "state1_0", "state4_95")
    arrays = culturemert.CultureMERTFeatures(model, layers=0, sr=44_100)
    assert np.array_equal(arrays.fit_transform([ground.audio]), model.embed(ground.wav, layers=0, pool="mean")[0])


def test_parameters_clones_and_pickles(ground):
    transformer = culturemert.CultureMERTFeatures(str(ground.model), layers=-1, window=5)
    given = {"model": str(ground.model), "layers": -1, "sr": None, "window": 5, "dtype": "f32", "normalize": None, "device": "cpu",
             "resampler": "torchaudio"}
    assert transformer.get_params() == given and clone(transformer).get_params() == given
    assert clone(transformer.set_params(layers=2)).layers == 2
    packed = pickle.dumps(transformer.fit())
    assert len(packed) < 2000
    wavs, _ = some(ground, 3)
    assert np.array_equal(pickle.loads(packed).transform(wavs), transformer.transform(wavs))


def test_a_pipeline_learns_from_it(ground):
    wavs, cultures = some(ground, 30)
    pipeline = make_pipeline(culturemert.CultureMERTFeatures(ground.model), StandardScaler(), LogisticRegression())
    assert pipeline.fit(wavs, cultures).score(wavs, cultures) == 1.0
    pipeline.set_params(culturemertfeatures__layers=2)
    scores = cross_val_score(pipeline, wavs, cultures, cv=2, error_score="raise")
    assert scores.shape == (2,) and np.isfinite(scores).all()


@pytest.mark.parametrize("given", ["a.wav", []])
def test_what_is_no_list_of_recordings_is_refused(ground, given):
    with pytest.raises(culturemert.UsageError, match="`X` is"):
        culturemert.CultureMERTFeatures(ground.model).fit().transform(given)


def test_scikit_learn_is_imported_by_those_who_use_it():
    code = "import sys, culturemert; print('sklearn' in sys.modules); culturemert.CultureMERTFeatures; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
