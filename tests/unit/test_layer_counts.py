"""What is counted over layers, against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from blocks import units_table

from invariscope import layer_counts


def test_phase_invariant_units_are_counted_with_wilsons_interval():
    table = pd.DataFrame(
        {
            "network": ["a"] * 10 + ["cells"] + ["b"] * 2,
            "layer": "l",
            "truth": [""] * 10 + ["complex"] + [""] * 2,
            "f1_f0": [0.2, 0.4, 0.9, *[1.5] * 5, np.nan, 1.0, 0.0, np.nan, np.nan],
        }
    )
    first, second = layer_counts.phase_invariant(table, (1, 0.5))
    assert (first["network"], first["units"], first["missing"]) == ("a", 9, 1)
    assert [(b["border"], b["count"]) for b in first["below"]] == [(1, 3), (0.5, 2)]
    share, n, z = 3 / 9, 9, 1.959964
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    assert first["below"][0]["low"] == pytest.approx(middle - half, rel=1e-5)
    assert first["below"][0]["high"] == pytest.approx(middle + half, rel=1e-5)
    assert second == {"network": "b", "layer": "l", "units": 0, "missing": 2, "below": []}


def test_labels_are_counted():
    table = pd.DataFrame(
        {
            "network": "n",
            "layer": ["a", "a", "a", "b", "c"],
            "truth": ["", "", "", "", "simple"],
            "label": ["both", "", "both", "selective", "selective"],
        }
    )
    first, second = layer_counts.label_counts(table)
    assert (first["layer"], first["units"], first["missing"]) == ("a", 2, 1)
    assert first["counts"] == {
        "selective": 0,
        "phase-invariant": 0,
        "warp-invariant": 0,
        "both": 2,
    }
    assert second["counts"]["selective"] == second["units"] == 1


def test_layer_rows():
    table = units_table({("n", "a"): 5, ("n", "b"): 1, ("cells", "c"): 2})
    table["label"] = ["both", "phase-invariant", "selective", "warp-invariant", "", "", "both", ""]
    table["truth"] = [""] * 6 + ["simple"] * 2
    table["label_agreement"] = [1, 0.5, 0, 0.5, np.nan, np.nan, 1, 1]
    table["rf"] = [10] * 5 + [20] * 3
    rows = layer_counts.layer_rows(table)
    first, second = rows.to_dict("records")
    assert list(layer_counts.layer_rows(table[6:])) == list(rows)
    assert (first["network"], first["layer"], first["rf"]) == ("n", "a", 10)
    assert (first["units"], first["missing"], first["label_agreement"]) == (4, 1, 0.5)
    assert (first["phase_invariant"], first["warp_invariant"]) == (2, 2)
    assert first["phase_invariant_share"] == 0.5
    # Wilson's interval of 2 of 4 is symmetric about a half.
    z = 1.959964
    half = z * np.sqrt(1 / 16 + z**2 / 64) / (1 + z**2 / 4)
    assert first["warp_invariant_low"] == pytest.approx(0.5 - half, rel=1e-5)
    assert first["warp_invariant_high"] == pytest.approx(0.5 + half, rel=1e-5)
    assert (second["layer"], second["units"], second["missing"]) == ("b", 0, 1)
    assert np.isnan(second["phase_invariant_share"])
