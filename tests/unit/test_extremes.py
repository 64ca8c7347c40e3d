"""What a study may ask for at most or at least is run, to numbers, tables, figures and pages."""

import copy
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import stages
from hypothesis import given, settings
from hypothesis import strategies as st

from invariscope.files import read_dataset

LAYERS = {"low": "features.0", "high": "features.3.squeeze"}
NETWORKS = {
    "ground_truth": {
        "architecture": "cells",
        "weights": {"cells": True},
        "preprocessing": {"mean": [0.5] * 3, "std": [1 / 255] * 3},
        "layers": {"cells": "cells"},
    },
    "one": {"architecture": "squeezenet1_1", "weights": {"seed": 0}, "layers": LAYERS},
    "other": {"architecture": "squeezenet1_1", "weights": {"seed": 2**32 - 1}, "layers": LAYERS},
}
LEAST = {
    "natural": {"side": 32},
    "synthesis": {"images": 2, "steps": 1},
    "phase": {"phases": 8, "texture": {"steps": 1, "crops": 1}},
    "warp": {"steps": 1, "draws": 2},
}
CELLS = {"network": "ground_truth", "layer": "cells", "units": [0]}
EXTREMES = {
    "seed": st.sampled_from([0, 2**32 - 1]),
    "block": st.sampled_from([1, 65536]),
    "layers": st.fixed_dictionaries(
        {
            "units": st.sampled_from([[0], [1, 6], ["2-3"]]),
            "seeds": st.sampled_from([1, 2]),
        }
    ).map(lambda own: [CELLS | own]),
    "synthesis": st.fixed_dictionaries(
        {
            "images": st.sampled_from([2, 3]),
            "objective": st.sampled_from(["constrained", "penalty"]),
            "fraction": st.sampled_from([1e-320, 1e-9, 0.5, 1]),
            "weight": st.sampled_from([0, 1e-320, 1e6]),
            "optimiser": st.sampled_from(["sphere", "published"]),
            "steps": st.sampled_from([1, 4]),
        }
    ),
    "phase": st.fixed_dictionaries(
        {
            "phases": st.sampled_from([8, 9]),
            "texture": st.fixed_dictionaries(
                {
                    "steps": st.sampled_from([1, 3]),
                    "crops": st.sampled_from([1, 2, 1000]),
                    "weight_min": st.sampled_from([0, 1e-320, 1]),
                }
            ),
        }
    ),
    "warp": st.fixed_dictionaries(
        {
            "steps": st.sampled_from([1, 2]),
            "smoothness": st.sampled_from([0, 1e-320, 1e6]),
            "draws": st.sampled_from([2, 3]),
        }
    ),
}
PREPROCESSING = st.fixed_dictionaries(
    {"mean": st.sampled_from([[0] * 3, [1] * 3]), "std": st.sampled_from([[0.001] * 3, [1] * 3])}
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


def check(made, units):
    """So many units have numbers, all of them finite; where one is not, it is told why."""
    table = pd.read_csv(made["tables"]["units"], keep_default_na=False, na_values=[""])
    assert len(table) == units
    assert not np.isinf(table.select_dtypes("number")).any(axis=None)
    assert np.isfinite(table.a_max).all()
    assert (np.isfinite(table.f1_f0) | table.missing.notna()).all()
    for path in made["stimuli"].values():
        found = read_dataset(path)
        assert np.isfinite(found.stimulus).all()
        assert np.isfinite(found.response).all()


@pytest.mark.filterwarnings("ignore:The behavior of DataFrame concatenation:FutureWarning")
def test_extremes_of_every_key(kept):
    """Over model cells, whose weights and photos are read once."""

    @settings(derandomize=True, deadline=None, database=None, max_examples=16)
    @given(changes=st.fixed_dictionaries(EXTREMES), preprocessing=PREPROCESSING)
    def run(changes, preprocessing):
        config = copy.deepcopy({"name": "s", **LEAST, **changes})
        registry = {
            "ground_truth": NETWORKS["ground_truth"] | {"preprocessing": preprocessing.copy()}
        }
        with tempfile.TemporaryDirectory() as folder:
            layers, made = stages.blocks_and_tables(config, registry, Path(folder), kept)
            check(made, len(layers["ground_truth", "cells"]["units"]))

    run()


ONE, OTHER = ({"network": name, "layer": "low", "units": [5]} for name in ("one", "other"))
STUDIES = {
    "one cell": ([CELLS], []),
    "one unit": ([ONE], []),
    "all methods": (
        [{**ONE, "layer": "high", "units": [0], "features": "low", "baselines": True}, ONE, OTHER],
        [["one", "other"], ["other", "one"], ["one", "other"]],
    ),
}


@pytest.mark.filterwarnings("ignore:The behavior of DataFrame concatenation:FutureWarning")
@pytest.mark.parametrize("name", STUDIES)
def test_least_studies(name, tmp_path, kept):
    entries, pairs = STUDIES[name]
    config = copy.deepcopy({"name": "s", **LEAST, "layers": entries, "compare": pairs})
    registry = copy.deepcopy(NETWORKS)
    layers, made = stages.blocks_and_tables(config, registry, tmp_path, kept)
    check(made, len(entries))
    stages.figures_and_pages(config, registry, layers, made, tmp_path)
    assert (tmp_path / "report.rst").stat().st_size > 0
    assert len(list((tmp_path / "figures").glob("*.png"))) >= 9
