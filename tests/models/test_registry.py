"""The table of models."""

import subprocess
import sys

import pytest

from vidcolor.errors import VidcolorError
from vidcolor.models import registry


def test_the_table_is_read_without_torch():
    code = "import sys, vidcolor.models.registry, vidcolor.models.options; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_names_are_different_and_the_default_is_first():
    assert len(set(registry.names())) == len(registry.MODELS)
    assert registry.names()[0] == registry.DEFAULT == "exemplar"
    assert all(spec.summary and spec.lines[0] < spec.lines[1] for spec in registry.MODELS)


def test_an_unknown_model_is_named_with_those_there_are():
    with pytest.raises(VidcolorError, match="`model=deoldify`: there is no such model; one of exemplar, adain"):
        registry.create("deoldify")


def test_options_of_other_models_are_refused():
    with pytest.raises(VidcolorError, match=r"`sketch_output=fill`: `model=exemplar` .* use `model=sketch`, or leave"):
        registry.check_options("exemplar", encoder=None, sketch_output="fill")
    with pytest.raises(VidcolorError, match="`encoder=vgg19`: `model=sketch` does not take it; use `model=adain` or"):
        registry.create("sketch", encoder="vgg19")
    registry.check_options("adain", encoder="vgg19", transfer="wct", sketch_output=None)
