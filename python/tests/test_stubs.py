"""Stubs, documentation and functions say the same."""

import inspect
import pathlib
import re
import subprocess
import sys

import culturemert
import pytest
from culturemert import _culturemert

FUNCTIONS = {name: one for name, one in vars(_culturemert).items() if inspect.isbuiltin(one)}
METHODS = {f"Model.{name}": getattr(culturemert.Model, name) for name in ("embed", "tag")}


def test_stubtest_finds_no_difference():
    done = subprocess.run([sys.executable, "-m", "mypy.stubtest", "culturemert", "--ignore-missing-stub"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_is_exported_and_typed():
    assert set(culturemert.__all__) >= set(FUNCTIONS) | {"Model", "Codec"}
    assert all(hasattr(culturemert, name) for name in culturemert.__all__)
    assert (pathlib.Path(culturemert.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("name", sorted(FUNCTIONS | METHODS) if sys.version_info >= (3, 9) else [])
def test_every_argument_is_documented_in_its_order(name):
    function = (FUNCTIONS | METHODS)[name]
    arguments = [argument for argument in inspect.signature(function).parameters if argument != "self"]
    documented = re.findall(r"^(\w+) : ", inspect.cleandoc(function.__doc__).split("Returns")[0], flags=re.MULTILINE)
    assert sorted(documented) == sorted(arguments)
    assert "Returns\n" in function.__doc__


def test_the_types_are_those_a_checker_sees(tmp_path):
    (tmp_path / "use.py").write_text(
        "import culturemert\n"
        "model = culturemert.load('model')\n"
        "reveal_type(model.embed('a.wav'))\n"
        "reveal_type(model.tag('a.wav', 'probe.safetensors'))\n"
        "model.embed('a.wav', layer=3)\n"
    )
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "use.py"], cwd=tmp_path, capture_output=True,
                          text=True, check=False)
    assert "floating" in done.stdout and 'dict[str, float]' in done.stdout.lower(), done.stdout
    assert 'Unexpected keyword argument "layer"' in done.stdout, done.stdout
