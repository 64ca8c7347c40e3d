"""The rule of labels, clause by clause."""

import numpy as np
import pandas as pd
import pytest

from invariscope.labels import ALPHA, CLEAR, LEAST, RETAINED, labels

BOTH = dict(f1_f0=0.3, phase_minimum=0.5, warp_p=0.001, path_retention=0.9, control_retention=0.6)


@pytest.mark.parametrize(
    ("changed", "label"),
    [
        ({}, "both"),
        ({"f1_f0": 1.0}, "warp-invariant"),
        ({"f1_f0": 0.999}, "both"),
        ({"phase_minimum": LEAST - 1e-6}, "warp-invariant"),
        ({"phase_minimum": LEAST}, "both"),
        ({"warp_p": ALPHA}, "phase-invariant"),
        ({"warp_p": ALPHA - 1e-6}, "both"),
        ({"path_retention": RETAINED - 1e-6, "control_retention": 0.1}, "phase-invariant"),
        ({"path_retention": RETAINED}, "both"),
        ({"control_retention": 0.9 - CLEAR + 1e-6}, "phase-invariant"),
        ({"control_retention": 0.9 - CLEAR - 1e-6}, "both"),
        ({"f1_f0": 1.5, "warp_p": 0.5}, "selective"),
        *[({name: np.nan}, "") for name in BOTH],
    ],
)
def test_each_clause(changed, label):
    assert labels(pd.DataFrame([{**BOTH, **changed}])).tolist() == [label]


def test_units_are_labelled_each_by_itself():
    table = pd.DataFrame([BOTH, {**BOTH, "f1_f0": 1.5}, {**BOTH, "warp_p": 1}])
    assert labels(table).tolist() == ["both", "warp-invariant", "phase-invariant"]
