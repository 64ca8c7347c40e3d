"""The texture test against brute force, autograd and closed forms."""

import numpy as np
import pytest
import torch
from test_spectrum import twin as preconditioned

from invariscope import cells, texture
from invariscope.natural import stimulus_norm
from invariscope.observer import PIXELS, evaluate, observer
from invariscope.synthesis import start

NORM = stimulus_norm(cells.SIDE)
MASK = texture.crop_mask(cells.SIDE)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def all_crops(image, mask):
    """Masked crops at the published positions, one by one, (row, column, channel, y, x)."""
    side = len(mask)
    positions = range(max(image.shape[-1] - side, 1))
    return np.stack(
        [[mask * image[:, y : y + side, x : x + side] for x in positions] for y in positions]
    )


def test_mask_is_the_published_one():
    mask = texture.crop_mask(5).numpy()
    assert mask[2, 2] == 1
    assert mask[2, 4] == pytest.approx(np.exp(-((2 / (5 / 2.4)) ** 4)))
    assert mask[0, 0] == pytest.approx(np.exp(-((np.sqrt(8) / (5 / 2.4)) ** 4)))
    np.testing.assert_array_equal(mask, mask.T)


@pytest.mark.parametrize("side", [2, 3, 10, 24])
def test_weight_gives_the_mean_square_over_all_crops(side):
    mask = texture.crop_mask(side)
    image = noise(3, 2 * side - 1, 2 * side - 1).numpy()
    crops = all_crops(image, mask.numpy())
    assert crops.shape[:2] == (side - 1, side - 1)
    weight = texture.crop_weight(mask, 2 * side - 1).numpy()
    assert weight.shape == image.shape[1:]
    assert (weight * image**2).sum() == pytest.approx((crops**2).sum() / (side - 1) ** 2, rel=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 6, 23])
def test_every_crop_is_cut_once_over_all_lattices(stride):
    image = noise(1, 3, 47, 47)
    expected = all_crops(image[0].numpy(), MASK.numpy())
    seen = np.zeros((23, 23), int)
    for y in range(stride):
        for x in range(stride):
            crops = texture.cut(image, MASK, (y, x), stride)[0].numpy()
            rows, columns = range(y, 23, stride), range(x, 23, stride)
            assert len(crops) == len(rows) * len(columns)
            for crop, (row, column) in zip(crops, np.ndindex(len(rows), len(columns)), strict=True):
                np.testing.assert_array_equal(crop, expected[rows[row], columns[column]])
                seen[rows[row], columns[column]] += 1
    assert (seen == 1).all()


def cell_observer(cell_trunk, units):
    return observer(cell_trunk, cells.LAYER, units, np.ones(7))


def test_first_step_goes_where_the_published_gradient_points(cell_trunk):
    """One step along the preconditioned gradient of the mean over crops, by another road.

    The twin differentiates the norm, too, through the published global scale; each crop's gradient
    is filtered by the numpy twin of the preconditioner.
    """
    observe = cell_observer(cell_trunk, [1, 2])
    raw = noise(2, 3, 47, 47)
    weight = texture.crop_weight(MASK, 47)
    moved = texture.climb(observe, raw, MASK, NORM, 1, 23, 0.25, ("x",))
    for unit in range(2):
        leaf = raw[unit].clone().requires_grad_()
        crops = torch.stack(
            [MASK * leaf[:, y : y + 24, x : x + 24] for y in range(23) for x in range(23)]
        )
        scaled = crops * NORM / crops.square().sum((1, 2, 3)).mean().sqrt()
        scaled.retain_grad()
        responses = observe(scaled[None], torch.tensor([unit]))[0][0]
        value = 0.75 * responses.mean() + 0.25 * responses.min()
        scaled.register_hook(
            lambda g: torch.from_numpy(preconditioned(g.numpy().astype(float))).float()
        )
        value.backward()
        start_at = raw[unit] * NORM / (weight * raw[unit] ** 2).sum().sqrt()
        direction = leaf.grad / (weight + weight.max() * 1e-3)
        direction -= (weight * direction * start_at).sum() / NORM**2 * start_at
        direction *= 1.2 * (1 - texture.MOMENTUM) * NORM / (weight * direction**2).sum().sqrt()
        expected = start_at + direction
        expected *= NORM / (weight * expected**2).sum().sqrt()
        torch.testing.assert_close(
            moved[unit], expected, atol=2e-3 * float(expected.std()), rtol=2e-3
        )


def optimum(template):
    """Texture at rest for a linear unit, and the mean response over its crops.

    There, weight * texture is parallel to the sum of the masked, preconditioned template over all
    positions of crops: F g parallel to x, for a texture.
    """
    mask = MASK.numpy().astype(float)
    filtered, plain = np.zeros((3, 47, 47)), np.zeros((3, 47, 47))
    for y in range(23):
        for x in range(23):
            filtered[:, y : y + 24, x : x + 24] += mask * preconditioned(template)
            plain[:, y : y + 24, x : x + 24] += mask * template
    weight = texture.crop_weight(MASK, 47).numpy()[None].astype(float)
    found = np.divide(filtered, weight, out=np.zeros_like(filtered), where=weight > 0)
    found *= NORM / np.sqrt((weight * found**2).sum())
    return found, (plain * found).sum() / 23**2


@pytest.mark.parametrize("unit", [0, 6])
def test_linear_units_find_the_closed_form(cell_trunk, unit):
    observe = cell_observer(cell_trunk, [unit])
    raw = start(47, 1, [unit], "t")[:, 0]
    found = texture.climb(observe, raw, MASK, NORM, 100, 23, 0, ("x",))
    expected, mean = optimum(cells.ground_truth()[unit].templates[0])
    reached = float(texture.crop_responses(observe, found, MASK, NORM)[0].mean())
    assert reached == pytest.approx(mean, rel=0.01)
    weight = texture.crop_weight(MASK, 47).numpy()
    likeness = (weight * found[0].numpy() * expected).sum() / NORM**2
    assert likeness > 0.99


def test_norm_is_kept_and_the_start_length_does_not_matter(cell_trunk):
    observe = cell_observer(cell_trunk, [1, 4])
    raw = start(47, 1, [1, 4], "t")[:, 0]
    found = texture.climb(observe, raw, MASK, NORM, 7, 4, 0, ("x",))
    other = texture.climb(observe, 100 * raw, MASK, NORM, 7, 4, 0, ("x",))
    torch.testing.assert_close(found, other, rtol=1e-3, atol=0.05)
    for image in found.numpy():
        crops = all_crops(image, MASK.numpy())
        assert np.sqrt((crops**2).sum((2, 3, 4)).mean()) == pytest.approx(NORM, rel=1e-5)


def test_a_unit_does_not_depend_on_its_batch(cell_trunk):
    raw = start(47, 1, [1, 3, 4], "t")[:, 0]
    together = texture.climb(
        cell_observer(cell_trunk, [1, 3, 4]), raw, MASK, NORM, 5, 4, 0.1, ("x",)
    )
    alone = texture.climb(cell_observer(cell_trunk, [4]), raw[2:], MASK, NORM, 5, 4, 0.1, ("x",))
    torch.testing.assert_close(together[2:], alone, rtol=1e-3, atol=0.05)


def test_lattices_depend_on_the_names(cell_trunk):
    observe, raw = cell_observer(cell_trunk, [4]), start(47, 1, [4], "t")[:, 0]
    first, again, other = (
        texture.climb(observe, raw, MASK, NORM, 3, 4, 0, names)
        for names in (("a",), ("a",), ("b",))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("stride", "count"), [(8, 23), (29, 115)])
@pytest.mark.parametrize("name", ["a", "b"])
def test_lattices_lie_between_those_of_the_steps_before(stride, count, name):
    """Of any four in a row, two are a third of the stride apart; by chance they may coincide."""
    drawn = texture.lattices(500, count, stride, name)
    assert drawn.min() == 0
    assert drawn.max() == stride - 1
    for later in (1, 2, 3):
        apart = np.abs(drawn[later:] - drawn[:-later])
        apart = np.minimum(apart, stride - apart)  # lattices go on
        assert np.hypot(*apart.T).min() > stride / 3


def test_every_crop_counts_as_much_on_average(monkeypatch):
    """The lattices that a climb sees, weighted as its means do, cover all places alike.

    A smaller lattice weighs its crops more, so it must be drawn less often.
    """
    drawn, cut = [], texture.cut

    def spy(textures, mask, first, stride):
        drawn.append((tuple(first), stride))
        return cut(textures, mask, first, stride)

    monkeypatch.setattr(texture, "cut", spy)
    texture.climb(
        lambda stimuli, units: (stimuli.mean((2, 3, 4)), None),
        noise(1, 3, 19, 19),
        texture.crop_mask(10),
        10.0,
        3000,
        4,
        0,
        ("x",),
    )
    counts = np.zeros((9, 9))
    for (y, x), stride in drawn:
        assert stride == 3
        assert len(range(y, 9, stride)) * len(range(x, 9, stride)) <= 16
        counts[y::stride, x::stride] += 1 / counts[y::stride, x::stride].size
    assert len(set(drawn)) == 9  # vertical and horizontal places are drawn apart
    counts /= counts.mean()
    assert np.abs(counts - 1).max() < 0.2


def test_uneven_lattices_are_drawn_by_their_size(monkeypatch):
    """23 places at a stride of 6: five lattices of four crops an axis, one of three."""
    drawn, cut = [], texture.cut

    def spy(textures, mask, first, stride):
        drawn.extend(first)
        assert stride == 6
        return cut(textures, mask, first, stride)

    monkeypatch.setattr(texture, "cut", spy)
    texture.climb(
        lambda stimuli, units: (stimuli.mean((2, 3, 4)), None),
        noise(1, 1, 47, 47),
        MASK,
        1.0,
        1500,
        4,
        0,
        ("x",),
    )
    share = np.bincount(drawn, minlength=6) / len(drawn)
    np.testing.assert_allclose(share, np.array([4, 4, 4, 4, 4, 3]) / 23, atol=0.02)


def test_second_step_carries_the_first(cell_trunk):
    """With momentum: the second move is half of the first one's and half of a new direction."""
    observe, raw = cell_observer(cell_trunk, [6]), start(47, 1, [6], "t")[:, 0]
    weight = texture.crop_weight(MASK, 47)
    gradient = torch.from_numpy(optimum(cells.ground_truth()[6].templates[0])[0]).float()[None]

    def scaled(x):
        return x * NORM / (weight * x**2).sum().sqrt()

    expected, velocity = scaled(raw), 0
    for step in range(2):
        # A linear unit's ascent is the same everywhere: weight times its optimum.
        ascent = weight * gradient
        radial = (ascent * expected).sum() / NORM**2
        direction = (ascent - radial * weight * expected) / (weight + 1e-3 * weight.max())
        direction -= (weight * direction * expected).sum() / NORM**2 * expected
        turn = 1.2 * (1 + np.cos(np.pi * step / 2)) / 2
        unit = direction / (weight * direction**2).sum().sqrt()
        velocity = 0.5 * velocity + 0.5 * turn * NORM * unit
        expected = scaled(expected + velocity)
    found = texture.climb(observe, raw, MASK, NORM, 2, 23, 0, ("x",))
    torch.testing.assert_close(found, expected, atol=2e-3 * float(expected.std()), rtol=2e-3)


def test_few_crops_a_step_reach_what_all_reach(cell_trunk):
    observe = cell_observer(cell_trunk, [1, 4])
    raw = start(47, 1, [1, 4], "t")[:, 0]
    few, all_of_them = (
        texture.crop_responses(
            observe, texture.climb(observe, raw, MASK, NORM, 150, crops, 0, ("x",)), MASK, NORM
        )[0].mean((1, 2))
        for crops in (4, 23)
    )
    assert (few > 0.97 * all_of_them).all()


def test_weight_of_the_minimum_raises_it(cell_trunk):
    observe = cell_observer(cell_trunk, [1, 4])
    raw = start(47, 1, [1, 4], "t")[:, 0]
    least = [
        texture.crop_responses(
            observe, texture.climb(observe, raw, MASK, NORM, 60, 23, weight, ("x",)), MASK, NORM
        )[0].amin((1, 2))
        for weight in (0, 0.5)
    ]
    assert (least[1] > least[0] + 0.02 * NORM).all()


def test_crop_responses_are_those_of_every_crop(cell_trunk):
    observe, image = cell_observer(cell_trunk, [0, 6]), 100 * noise(2, 3, 47, 47)
    found = texture.crop_responses(observe, image, MASK, NORM)
    assert found.shape == (2, 2, 23, 23)
    for row, unit in enumerate((0, 6)):
        template = cells.ground_truth()[unit].templates[0]
        crops = all_crops(image[row].numpy(), MASK.numpy())
        plain = (crops * template).sum((2, 3, 4))
        norms = np.sqrt((crops**2).sum((2, 3, 4)))
        np.testing.assert_allclose(found[0, row], plain, atol=1e-2)
        np.testing.assert_allclose(found[1, row], plain * NORM / norms, atol=1e-2)


def test_responses_do_not_depend_on_how_many_are_seen_at_once(cell_trunk, monkeypatch):
    observe, stimuli = cell_observer(cell_trunk, [0, 6]), noise(2, 7, 3, 24, 24)
    textures = noise(2, 3, 47, 47)
    whole = evaluate(observe, stimuli), texture.crop_responses(observe, textures, MASK, NORM)
    for pixels in (1, 3 * 2 * 24 * 24):
        monkeypatch.setitem(PIXELS, "cpu", pixels)
        parts = evaluate(observe, stimuli), texture.crop_responses(observe, textures, MASK, NORM)
        torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-3)


def test_a_texture_does_not_depend_on_how_many_go_together(cell_trunk, monkeypatch):
    """Three units, two at a time: the same, with one account of progress for both parts."""
    observe, raw = cell_observer(cell_trunk, [0, 4, 6]), noise(3, 3, 47, 47)
    together = texture.climb(observe, raw, MASK, NORM, 15, 4, 0.1, ("x",))
    seen, told = [], []

    def watched(stimuli, which):
        seen.append(which.tolist())
        return observe(stimuli, which)

    monkeypatch.setitem(PIXELS, "cpu", 2 * 16 * 24 * 24)
    parts = texture.climb(
        watched, raw, MASK, NORM, 15, 4, 0.1, ("x",), lambda step, _: told.append(step)
    )
    torch.testing.assert_close(parts, together, rtol=1e-4, atol=1e-3)
    assert seen == 15 * [[0, 1]] + 15 * [[2]]
    assert told == [5, 7, 12, 15]


def test_best_under_the_mask_is_the_closed_form(cell_trunk):
    """A linear unit's rest under the mask: mask * z parallel to F t, so x is F t itself."""
    observe = cell_observer(cell_trunk, [0, 6])
    stimuli = 50 * noise(2, 4, 3, 24, 24)
    found = texture.masked_a_max(observe, stimuli, MASK, NORM, 70)
    assert found.shape == (2,)
    for row, unit in enumerate((0, 6)):
        template = cells.ground_truth()[unit].templates[0]
        filtered = preconditioned(template)
        expected = NORM * (filtered * template).sum() / np.linalg.norm(filtered)
        np.testing.assert_allclose(found[row], expected, rtol=0.01)


def test_best_under_the_mask_is_climbed_from_the_best_stimulus():
    """Of a unit with two maxima, one twice as high, at which only the third stimulus is."""
    high, low = (
        torch.from_numpy(cells.ground_truth()[unit].templates[0]).float() for unit in (0, 6)
    )

    def observe(stimuli, units):
        products = [(stimuli * template).sum((2, 3, 4)) for template in (2 * high, low)]
        return torch.maximum(*products), stimuli

    stimuli = torch.stack([low, low, high, low, low])[None]
    (found,) = texture.masked_a_max(observe, stimuli, MASK, NORM).numpy()
    filtered = preconditioned(high.numpy())
    expected = 2 * NORM * (filtered * high.numpy()).sum() / np.linalg.norm(filtered)
    assert found == pytest.approx(expected, rel=0.01)


def test_a_crop_without_contrast_gets_no_norm(cell_trunk):
    observe = cell_observer(cell_trunk, [0])
    assert (texture.crop_responses(observe, torch.zeros(1, 3, 47, 47), MASK, NORM) == 0).all()


def test_the_smallest_fields_have_a_texture(cell_trunk):
    """A field of two pixels has one crop, at the corner of a texture of three."""

    def observe(stimuli, units):
        return stimuli[..., 0, 0, 0] + stimuli[..., 1, 1, 1], stimuli

    found = texture.climb(observe, noise(1, 3, 3, 3), texture.crop_mask(2), 10, 40, 4, 0, ("x",))
    assert texture.crop_responses(observe, found, texture.crop_mask(2), 10.0).shape == (2, 1, 1, 1)
