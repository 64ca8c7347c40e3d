"""Natural statistics against plain arithmetic, the normalised network against its definition."""

import time

import numpy as np
import pytest
import torch
from architectures import STD, traced
from PIL import Image

from invariscope import natural
from invariscope.errors import UserError
from invariscope.trunk import Trunk

MEAN = (0.485, 0.456, 0.406)


PUBLISHED = [
    (3, 321.44),
    (5, 538.35),
    (10, 1086.86),
    (14, 1531.58),
    (24, 2651.66),
    (32, 3553.22),
    (40, 4453.84),
    (48, 5362.63),
    (68, 7637.38),
    (84, 9473.19),
    (100, 11285.79),
    (116, 13161.68),
    (156, 17780.20),
    (188, 21605.78),
    (220, 25507.56),
    (252, 29358.54),
]


@pytest.mark.parametrize(("side", "norm"), PUBLISHED)
def test_stimulus_norm_in_the_table(side, norm):
    assert natural.stimulus_norm(side) == pytest.approx(norm / 2, rel=1e-9)


def test_stimulus_norm_between_and_beyond():
    """Per pixel and channel, a natural patch's root mean square rises from 61.9 to 67.3."""
    rms = [2 * natural.stimulus_norm(side) / np.sqrt(3 * side**2) for side in range(3, 253)]
    assert rms[0] == pytest.approx(61.86, abs=0.01)
    assert rms[-1] == pytest.approx(67.26, abs=0.01)
    assert np.all(np.diff(rms) > -0.2)
    middle = np.exp((np.log(14) + np.log(24)) / 2)
    expected = (1531.58 / (np.sqrt(3) * 14) + 2651.66 / (np.sqrt(3) * 24)) / 2
    assert 2 * natural.stimulus_norm(middle) / (np.sqrt(3) * middle) == pytest.approx(expected)
    assert natural.stimulus_norm(504) == pytest.approx(29358.54, rel=1e-9)


def test_packaged_photos():
    stems = [path.stem for path in natural.photo_paths("packaged")]
    assert stems == [
        "astronaut",
        "chelsea",
        "coffee",
        "motorcycle_left",
        "rocket",
        "china",
        "flower",
    ]


def test_users_photos(tmp_path):
    """All pictures of a folder, by name; shrunk to the shorter side, colours and axes in place."""
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[:, :150, 0] = 255
    picture[150:, :, 2] = 255
    Image.fromarray(picture).save(tmp_path / "b.PNG")
    Image.fromarray(picture).save(tmp_path / "a.png")
    (tmp_path / "c.txt").write_text("no picture")
    paths = natural.photo_paths(tmp_path)
    assert [path.name for path in paths] == ["a.png", "b.PNG"]
    photo = natural.read_photo(paths[1], 100)
    assert photo.shape == (3, 100, 150)
    assert photo[0, :, :70].min() > 250
    assert photo[0, :, 80:].max() < 5
    assert photo[2, 80:].min() > 250
    assert photo[2, :70].max() < 5
    assert not photo[1].any()


def test_channel_means_against_the_padded_network(vgg):
    """Positions that see no border have the values that torchvision gives there."""
    trunk, model = vgg
    rng = np.random.default_rng(0)
    photos = [rng.uniform(0, 255, shape).astype(np.float32) for shape in [(3, 45, 52), (3, 24, 31)]]
    means = natural.channel_means(trunk, photos, MEAN)
    total, count = 0, 0
    for photo in photos:
        # The central part that whole strides of conv3_1 cover.
        height, width = (24 + (n - 24) // 4 * 4 for n in photo.shape[1:])
        top, left = (photo.shape[1] - height) // 2, (photo.shape[2] - width) // 2
        crop = photo[:, top : top + height, left : left + width]
        scaled = (crop / 255 - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
        with torch.no_grad():
            value = model.features[0](torch.tensor(scaled[None], dtype=torch.float32))
        inside = value[0, :, 1:-1, 1:-1].relu().double().numpy()
        total, count = total + inside.sum((1, 2)), count + inside[0].size
    np.testing.assert_allclose(means["conv1_1"], total / count, rtol=1e-4)


@pytest.mark.parametrize("threads", [2, 5])
def test_channel_means_do_not_depend_on_threads(vgg, threads):
    """To the last bit; whichever photo is done first, they are told and summed up in order."""
    rng = np.random.default_rng(0)
    sides = [(100, 90), *[(30, 34)] * 20, (90, 100)]
    photos = [rng.uniform(0, 255, (3, *side)).astype(np.float32) for side in sides]
    told = []
    found = natural.channel_means(vgg[0], photos, MEAN, lambda: told.append(1), threads)
    assert len(told) == len(photos)
    alone = natural.channel_means(vgg[0], photos, MEAN)
    assert list(found) == list(alone)
    for layer in found:
        np.testing.assert_array_equal(found[layer], alone[layer])


def test_side_by_side_is_in_order_and_one_thread_each():
    def slow_at_first(index):
        time.sleep(0.05 * (5 - index))
        return index, torch.get_num_threads()

    torch.set_num_threads(1)
    found = list(natural._side_by_side(slow_at_first, 6, 3))
    assert found == [(index, 1) for index in range(6)]


def test_few_photos_are_held_at_any_time(vgg):
    """Photos that are many are read as the work gets to them."""
    seen, ahead = [], []

    class Photos:
        def __len__(self):
            return 40

        def __getitem__(self, index):
            seen.append(index)
            return np.full((3, 30, 30), index, np.float32)

    def progress():
        ahead.append(len(seen) - len(ahead))

    natural.channel_means(vgg[0], Photos(), MEAN, progress, threads=2)
    assert sorted(seen) == list(range(40))
    assert max(ahead) <= 2 * 2 + 1 + 2


def test_channel_means_of_parallel_branches():
    """Layers that lie on no common path are read one run each, all over the photo's middle."""
    layers = {
        "stem": "conv1",
        "long": "layer1.0.conv3",
        "short": "layer1.0.downsample.0",
    }
    architecture, model = traced("resnet50", layers)
    state = model.state_dict()
    trunk = Trunk(architecture, {n: state[n] for n in architecture.parameters()}, STD)
    photo = np.random.default_rng(0).uniform(0, 255, (3, 19, 19)).astype(np.float32)
    told = []
    means = natural.channel_means(trunk, [photo], MEAN, lambda: told.append(1))
    assert told == [1]
    stimulus = torch.from_numpy(photo - 255 * np.array(MEAN, np.float32)[:, None, None])[None]
    with torch.no_grad():
        for layer, size in (("long", 1), ("short", 3)):  # receptive fields 19 and 11, stride 4
            value, _ = trunk.run(stimulus, layer, (size, size))
            expected = value.relu().mean((0, 2, 3)).numpy()
            np.testing.assert_allclose(means[layer], expected, rtol=1e-4, atol=1e-6)


def test_normalised_network_is_the_rescaled_weights(vgg):
    """Dividing by the means equals rescaling every layer's weights and compensating in the next."""
    trunk, _ = vgg
    rng = np.random.default_rng(0)
    photos = [rng.uniform(0, 255, (3, 60, 60)).astype(np.float32)]
    means = natural.channel_means(trunk, photos, MEAN)
    parameters, below = dict(trunk.parameters), None
    for layer in means:
        at = trunk.architecture.layers[layer]
        (node,) = (node for node in trunk.architecture.nodes if node.name == at)
        names = node.settings["parameters"]
        scale = torch.tensor(natural.normalisers(means[layer]), dtype=torch.float32)
        weight = parameters[names["weight"]] / scale[:, None, None, None]
        if below is not None:
            weight = weight * below[None, :, None, None]
        parameters |= {names["weight"]: weight, names["bias"]: parameters[names["bias"]] / scale}
        below = scale
    rescaled = Trunk(trunk.architecture, parameters, STD)
    again = natural.channel_means(rescaled, photos, MEAN)
    for layer in means:
        scaled = means[layer] / natural.normalisers(means[layer])
        np.testing.assert_allclose(again[layer], scaled, rtol=1e-3, atol=1e-4)
        assert np.median(again[layer]) == pytest.approx(1, rel=1e-3)
    stimuli = 60 * torch.randn(2, 3, 24, 24)
    value, (features,) = trunk.run(stimuli, "conv3_1", record=["conv2_2"])
    expected, (compared,) = rescaled.run(stimuli, "conv3_1", record=["conv2_2"])
    found = value / torch.tensor(natural.normalisers(means["conv3_1"]))[:, None, None]
    torch.testing.assert_close(found.float(), expected, rtol=1e-3, atol=1e-3)
    found = features.relu() / torch.tensor(natural.normalisers(means["conv2_2"]))[:, None, None]
    torch.testing.assert_close(found.float(), compared.relu(), rtol=1e-3, atol=1e-3)


def test_means_that_are_not_finite_are_refused(vgg):
    photo = np.full((3, 30, 30), np.inf, np.float32)
    with pytest.raises(UserError, match="layer 'conv1_1': responses to photos are not finite"):
        natural.channel_means(vgg[0], [photo], MEAN)


def test_normalisers_of_silent_channels():
    found = natural.normalisers(np.array([1.0, 0.0, 2.0, 3.0, 100.0]))
    assert found.tolist() == [1.0, 0.02, 2.0, 3.0, 100.0]
    assert natural.normalisers(np.array([0.0, 0.0, 0.0, 5.0])).tolist() == [1.0, 1.0, 1.0, 5.0]


def test_photo_mistakes(tmp_path, vgg):
    with pytest.raises(UserError, match="holds no"):
        natural.photo_paths(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(UserError, match=r"broken\.png: not a readable image"):
        natural.read_photo(tmp_path / "broken.png", 256)
    Image.new("RGB", (20, 300)).save(tmp_path / "thin.png")
    photo = natural.read_photo(tmp_path / "thin.png", 256)
    with pytest.raises(UserError, match="at least 24 pixels"):
        natural.channel_means(vgg[0], [photo], MEAN)
