"""The stimuli file against numbers worked out by hand."""

import numpy as np
import torch

from invariscope.stimuli import join_blocks, stimuli_dataset
from invariscope.synthesis import Synthesis


def synthesis(responses, distances):
    units, images = np.shape(responses)
    return Synthesis(
        torch.zeros(units, images, 3, 7, 7),
        torch.tensor(responses),
        torch.tensor(distances),
        torch.full((units,), 7),
    )


def block(units, truth):
    found = {
        "diverse": synthesis(
            [[8.0, 9.0, 7.0], [0.0, 0.0, 0.0]], [[4.0, 5.0, 6.0], [0.0, 0.0, 0.0]]
        ),
        "restarts": synthesis(
            [[9.0, 10.0, 9.5], [0.0, 0.0, 0.0]], [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]
        ),
    }
    return stimuli_dataset(found, units, truth, network="n", layer="l", features="pixels", norm=9.0)


def test_dataset_describes_itself():
    dataset = block([3, 5], ["simple", ""])
    assert dataset.stimulus.dims == ("condition", "unit", "image", "channel", "y", "x")
    assert dataset.condition.values.tolist() == ["diverse", "restarts"]
    assert dataset.channel.values.tolist() == ["red", "green", "blue"]
    assert dataset.attrs == {"network": "n", "layer": "l", "features": "pixels", "norm": 9.0}
    assert dataset.stimulus.attrs["units"] == "8-bit grey levels, dataset mean subtracted"
    assert dataset.distance.attrs["units"] == "8-bit grey levels"
    assert dataset.a_max.attrs["units"] == "mean response of the channel to natural photos"
    assert dataset.response.attrs["units"] == dataset.a_max.attrs["units"]
    assert (dataset.steps == 7).all()
    assert dataset.first.values.tolist() == [0, 0, 1]
    assert dataset.second.values.tolist() == [1, 2, 2]
    assert dataset.a_max.values.tolist() == [10.0, 0.0]


def test_distances_in_a_layer_say_so():
    one = synthesis([[1.0, 1.0]], [[1.0]])
    found = {"diverse": one, "restarts": one}
    dataset = stimuli_dataset(found, [0], [""], network="n", layer="l", features="conv1_2")
    assert dataset.distance.attrs["units"] == "units of conv1_2's mean response"


def test_join_blocks():
    joined = join_blocks([block([3, 5], ["", ""]), block([17, 18], ["", ""])])
    assert list(joined) == [("n", "l")]
    assert joined["n", "l"].unit.values.tolist() == [3, 5, 17, 18]
    assert joined["n", "l"].a_max.dims == ("unit",)
    assert joined["n", "l"].first.dims == ("pair",)
