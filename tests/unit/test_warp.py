"""Warps against closed forms, scipy, and warps that are known."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from dipy.align.imwarp import SymmetricDiffeomorphicRegistration
from dipy.align.metrics import SSDMetric
from scipy import integrate, linalg, signal

from invariscope import cells, warp, warp_fit
from invariscope import pairs as planned
from invariscope.spectrum import low_pass

SPACES = warp_fit._spaces(24, torch.device("cpu"), torch.float32)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def smooth(*shape, seed=0, sigma=1.5):
    return low_pass(noise(*shape, seed=seed), sigma)


def grid(side):
    """Positions (2, y, x) from the middle, in pixels."""
    at = np.arange(side) - (side - 1) / 2
    return np.stack(np.meshgrid(at, at, indexing="ij"))


@pytest.mark.parametrize("side", [7, 8, 24, 25])
def test_upsampling_is_scipys(side):
    images = noise(2, 3, side, side)
    found = warp.upsample(images, 2)
    expected = signal.resample(signal.resample(images, 2 * side, axis=2), 2 * side, axis=3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found[..., ::2, ::2], images, atol=1e-5)


@pytest.mark.parametrize("cycles", [1, 4, 7])
def test_a_shift_by_part_of_a_pixel(cycles):
    """Of gratings up to 0.29 cycles per pixel, closed form, away from the edges."""
    _, x = grid(24)
    image = torch.from_numpy(np.cos(2 * np.pi * cycles * x / 24)[None, None]).float()
    moved = torch.zeros(1, 2, 24, 24)
    moved[:, 0], moved[:, 1] = -0.7, 0.4
    found = warp.warp(warp.upsample(image), moved)[0, 0, 3:-3, 3:-3]
    expected = np.cos(2 * np.pi * cycles * (x + 0.4) / 24)[3:-3, 3:-3]
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_whole_pixels_are_moved_exactly_and_what_is_outside_is_blank():
    image = noise(1, 3, 9, 9)
    moved = torch.zeros(1, 2, 9, 9)
    moved[:, 0], moved[:, 1] = 2, -3
    found = warp.warp(warp.upsample(image), moved)
    torch.testing.assert_close(found[..., :7, 3:], image[..., 2:, :6], atol=1e-5, rtol=0)
    assert found[..., :, :2].abs().max() < 1e-6
    assert found[..., 8:, :].abs().max() < 1e-6


@pytest.mark.parametrize("side", [24, 25])
def test_constant_velocities_move_as_they_say(side):
    fields = torch.tensor([1.3, -2.1])[None, :, None, None].expand(1, 2, side, side)
    torch.testing.assert_close(warp.displacement(fields), fields)


def test_linear_velocities_flow_as_the_matrix_exponential():
    """v(x) = A x flows to exp(A) x; away from the edges, beyond which fields are constant."""
    matrix = np.array([[0.12, -0.2], [0.25, -0.08]])
    places = grid(48)
    fields = torch.from_numpy(np.einsum("ij,jyx->iyx", matrix, places)[None]).float()
    expected = np.einsum("ij,jyx->iyx", linalg.expm(matrix) - np.eye(2), places)
    inside = slice(12, -12)
    found = warp.displacement(fields)[0].numpy()
    np.testing.assert_allclose(found[:, inside, inside], expected[:, inside, inside], atol=0.02)


def wave(side, seed=0, peak=3.0):
    """A smooth velocity field that vanishes at the edges, and the same as a function."""
    rng = np.random.default_rng(seed)
    amplitude = rng.standard_normal((2, 2, 2)) / np.array([[1, 2], [2, 3]])

    def at(y, x):
        basis = [np.sin(np.pi * i * (p + 0.5) / side) for p in (y, x) for i in (1, 2)]
        terms = [basis[i] * basis[2 + j] for i in range(2) for j in range(2)]
        return np.stack([sum(a * t for a, t in zip(c.flat, terms, strict=True)) for c in amplitude])

    y, x = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    field = at(y, x)
    scale = peak / np.hypot(*field).max()
    return torch.from_numpy(scale * field)[None].float(), lambda y, x: scale * at(y, x)


def test_the_flow_is_that_of_an_integrator():
    """Of scipy's adaptive one, from the same field in closed form."""
    fields, at = wave(32)
    found = warp.displacement(fields)[0].numpy()
    for y, x in [(5, 9), (16, 16), (20, 11), (28, 25)]:
        solved = integrate.solve_ivp(lambda _, p: at(*p), (0, 1), [y, x], rtol=1e-8)
        np.testing.assert_allclose(found[:, y, x], solved.y[:, -1] - [y, x], atol=0.02)


@pytest.mark.parametrize(("side", "peak"), [(14, 1.5), (24, 3.0), (48, 6.0)])
def test_near_flows_are_near_the_flow(side, peak):
    """Within a twentieth of a pixel, and four times nearer than two squarings alone come."""
    fields = torch.cat([wave(side, seed, peak)[0] for seed in range(6)])
    exact, near = warp.displacement(fields), warp.near_displacement(fields)
    plain = fields / 4
    for _ in range(2):
        plain = warp.compose(plain, plain)
    assert exact.abs().max() > 0.7 * peak
    assert (near - exact).abs().max() < 0.05
    assert (near - exact).abs().max() < (plain - exact).abs().max() / 4


def test_affine_flows_in_closed_form():
    """As the matrix exponential everywhere, and as `displacement` away from the edges."""
    coefficients = torch.tensor(
        [[[0.8, 1.4, -2.6], [-0.5, 2.9, -1.1]], [[2.0, 0, 0], [-1.0, 0, 0]]]
    )
    basis = warp_fit.affine_basis(25)
    found = warp_fit.affine_displacement(coefficients, basis).numpy()
    places = np.concatenate([grid(25), np.ones((1, 25, 25))])
    for pair, (shift, *ramps) in enumerate(coefficients.movedim(-1, 1).double().numpy()):
        matrix = np.zeros((3, 3))
        matrix[:2] = np.stack([*(ramp / 12 for ramp in ramps), shift], 1)
        expected = np.einsum("ij,jyx->iyx", linalg.expm(matrix) - np.eye(3), places)[:2]
        np.testing.assert_allclose(found[pair], expected, atol=0.03)
    flow = warp.displacement(warp_fit.velocity(coefficients, basis)).numpy()
    inside = slice(7, -7)
    np.testing.assert_allclose(found[..., inside, inside], flow[..., inside, inside], atol=0.01)


@pytest.mark.parametrize("family", warp_fit.FAMILIES[1:])
def test_what_is_climbed_is_the_family_that_is_fitted(family):
    """While climbed, pixels move as the flow of the same velocities does."""
    for basis, inverse, _ in SPACES[family]:
        fields = low_pass(noise(3, 2, 24, 24), 5.0)
        fields = 2 * fields / fields.abs().amax((1, 2, 3), keepdim=True)
        coefficients = fields.flatten(2) @ inverse
        fields = warp_fit.velocity(coefficients, basis)
        # The nearest of the family: what is left is at right angles to it.
        again = fields.flatten(2) @ inverse
        torch.testing.assert_close(again, coefficients, atol=2e-3, rtol=1e-3)
        found = warp_fit.MOVES[family](coefficients, basis)[..., 4:-4, 4:-4]
        expected = warp.displacement(fields)[..., 4:-4, 4:-4]
        assert (found - expected).abs().max() < 0.05
        assert expected.abs().max() > 0.1


def test_steps_are_those_of_adam():
    """Of torch's, on a function whose gradient changes sign on the way."""
    start = noise(3, 2, 5)
    theirs = start.clone().requires_grad_()
    adam = torch.optim.Adam([theirs], lr=0.1, betas=warp_fit.MOMENTA)
    ours, mean, square = start, torch.zeros_like(start), torch.zeros_like(start)
    for step in range(1, 13):
        gradient = torch.cos(3 * ours)
        ours = ours - 0.1 * warp_fit._adam(gradient, mean, square, step)
        adam.zero_grad()
        (torch.sin(3 * theirs) / 3).sum().backward()
        adam.step()
        torch.testing.assert_close(ours, theirs.detach())


@pytest.mark.parametrize("family", warp_fit.FAMILIES[1:])
def test_a_climb_ends_at_the_best_that_it_visits(family):
    """Its value is that of the velocities which it gives, and no shorter climb ends above it."""
    images, targets, _ = pair(24, 3, 2.0)
    space = SPACES[family][1]
    basis, inverse, form = space
    fine, start = warp.upsample(images), torch.zeros(1, 2, 24, 24)
    values = [warp.explained(images, targets)]
    for steps in (1, 4, 16):
        fields, value = warp_fit._climb(
            fine, targets, start, warp_fit.MOVES[family], *space, 0.002, steps
        )
        at = fields.flatten(2) @ inverse
        warped = warp.warp(fine, warp_fit.MOVES[family](at, basis), "bilinear")
        bent = (at[0] * (at[0] @ form)).sum()
        torch.testing.assert_close(value, warp.explained(warped, targets) - 0.002 * bent)
        values.append(value)
    assert torch.cat(values).diff().min() >= -1e-5
    assert values[-1] > values[0] + 0.01


def test_defaults_are_those_of_the_schema():
    path = Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml"
    keys = yaml.safe_load(path.read_text())["properties"]["warp"]["properties"]
    found = {name: keys[name]["default"] for name in ("steps", "smoothness")}
    assert found == {"steps": warp_fit.STEPS, "smoothness": warp_fit.SMOOTHNESS}


def test_flows_compose_and_have_inverses():
    fields, _ = wave(32, seed=1)
    whole = warp.displacement(fields)
    halves = warp.displacement(fields / 2)
    torch.testing.assert_close(warp.compose(halves, halves), whole, atol=0.03, rtol=0)
    back = warp.displacement(-fields)
    assert whole.abs().max() > 2
    assert warp.compose(whole, back).abs().max() < 0.05
    assert warp.compose(back, whole).abs().max() < 0.05


def test_composition_of_affine_maps():
    """first(second(x)) for x -> A x and x -> B x is A B x."""
    first, second = np.array([[1.1, 0.1], [0.0, 0.9]]), np.array([[0.95, -0.1], [0.1, 1.0]])
    places = grid(24)

    def moved(matrix):
        field = np.einsum("ij,jyx->iyx", matrix - np.eye(2), places)
        return torch.from_numpy(field[None]).float()

    found = warp.compose(moved(first), moved(second))
    inside = slice(4, -4)
    expected = moved(first @ second)
    torch.testing.assert_close(found[..., inside, inside], expected[..., inside, inside])


def test_jacobian():
    """Of affine maps the determinant; of a fold, below 0; of a batch, each its own."""
    matrix = np.array([[1.1, 0.3], [-0.2, 0.8]])
    field = np.einsum("ij,jyx->iyx", matrix - np.eye(2), grid(12))
    folded = np.zeros_like(field)
    folded[1, 5, 6] = 1.2
    found = warp.jacobian(torch.from_numpy(np.stack([field, 0 * field, folded])).float())
    np.testing.assert_allclose(found, [np.linalg.det(matrix), 1, -0.2], atol=1e-5)


def test_explained_variance():
    """1 less the residual of the best fit by a gain, whatever its sign."""
    warped, target = noise(2, 3, 8, 8), noise(2, 3, 8, 8, seed=1)
    target = target + 0.5 * warped
    for pair in range(2):
        a, b = warped[pair].flatten().numpy(), target[pair].flatten().numpy()
        _, residual, *_ = np.linalg.lstsq(a[:, None], b, rcond=None)
        expected = 1 - residual[0] / (b @ b)
        for scale in (1, -1, 7):
            found = warp.explained(scale * warped, target)[pair]
            assert float(found) == pytest.approx(expected, rel=1e-4)
    assert warp.explained(0 * warped, target).tolist() == [0, 0]


def test_splines_add_up_to_one_and_hold_ramps():
    basis = warp_fit.spline_basis(24, 7).double()
    np.testing.assert_allclose(basis.sum(0), 1, atol=1e-6)
    for ramp in warp_fit.affine_basis(24).double():
        solved = torch.linalg.lstsq(basis.flatten(1).T, ramp.flatten()[:, None])
        fitted = basis.flatten(1).T @ solved.solution
        np.testing.assert_allclose(fitted[:, 0], ramp.flatten(), atol=1e-5)


def test_a_spline_is_the_cubic_one():
    """At knots 1/6, 4/6, 1/6; half-way between them 1/48, 23/48."""
    along = (
        warp_fit.spline_basis(9, 7).reshape(7, 7, 9, 9).sum((1, 3)) / 9
    )  # two pixels to the knot
    np.testing.assert_allclose(along[3, 1:9], np.array([1, 8, 23, 32, 23, 8, 1, 0]) / 48, atol=1e-6)


def test_bending_of_ramps_and_parabolas():
    affine = warp_fit.bending(warp_fit.affine_basis(24))
    assert affine.abs().max() < 1e-10
    y, x = grid(24)
    parabola = torch.from_numpy(np.stack([y**2, x * y])).double()
    np.testing.assert_allclose(warp_fit.bending(parabola), [[4, 0], [0, 2]], atol=1e-9)


def pair(side, seed, peak):
    """A smooth colour image, the same under a known warp, and that warp."""
    fields, _ = wave(side, seed, peak)
    moved = warp.displacement(fields)
    image = smooth(1, 3, side, side, seed=seed, sigma=1.2)
    return image, warp.warp(warp.upsample(image), moved), moved


@pytest.mark.parametrize(("side", "peak"), [(24, 1.0), (24, 2.0), (32, 3.0), (48, 3.0)])
def test_known_warps_are_recovered(side, peak):
    """Mean endpoint error below 0.3 pixels, of targets with less contrast and of either sign."""
    images, targets, moved = (
        torch.cat(t) for t in zip(*[pair(side, s, peak) for s in range(6)], strict=True)
    )
    gains = torch.tensor([1, -1, 0.3, -3, 1, 1])[:, None, None, None]
    found = warp_fit.fit(images, gains * targets)["warp"]
    error = (found.displacement - moved).square().sum(1).sqrt().mean((1, 2))
    assert float(moved.square().sum(1).sqrt().amax()) > 0.8 * peak
    assert (error < 0.3).all(), error
    assert (found.explained > 0.95).all(), found.explained
    assert (found.jacobian > 0).all()


def test_inverse_consistency():
    """The warp from target to source undoes that from source to target."""
    images, targets, _ = pair(32, 0, 2.0)
    there = warp_fit.fit(images, targets)["warp"].displacement
    back = warp_fit.fit(targets, images)["warp"].displacement
    left = warp.compose(there, back)[..., 4:-4, 4:-4].square().sum(1).sqrt().mean()
    assert left < 0.3
    assert there.square().sum(1).sqrt().mean() > 0.6


def test_translations_and_affine_maps_are_recovered_by_their_own_family():
    image = smooth(1, 3, 32, 32, sigma=1.5)
    shifted = torch.zeros(1, 2, 32, 32)
    shifted[:, 0], shifted[:, 1] = 1.5, -2.3
    target = warp.warp(warp.upsample(image), shifted)
    found = warp_fit.fit(image, target)
    inside = found["translation"].displacement.mean((2, 3))[0]
    np.testing.assert_allclose(inside, [1.5, -2.3], atol=0.1)
    matrix = np.array([[0.1, 0.12], [-0.1, 0.05]])
    turned = torch.from_numpy(np.einsum("ij,jyx->iyx", matrix, grid(32))[None]).float()
    found = warp_fit.fit(image, warp.warp(warp.upsample(image), turned))
    error = (found["affine"].displacement - turned)[..., 4:-4, 4:-4].square().sum(1).sqrt().mean()
    assert error < 0.15
    assert found["affine"].explained > found["translation"].explained + 0.05


def test_no_family_ends_below_the_one_before_and_nothing_folds():
    found = warp_fit.fit(noise(8, 3, 16, 16), noise(8, 3, 16, 16, seed=1))
    for before, after in (("none", "translation"), ("translation", "affine"), ("affine", "warp")):
        assert (found[after].explained >= found[before].explained).all()
    assert all((family.jacobian > 0).all() for family in found.values())


@pytest.mark.parametrize("softness", [1, 2, 4])
def test_as_much_is_explained_as_by_an_established_library(softness):
    """By dipy's symmetric diffeomorphic registration, at three strengths of its smoothing.

    On grey images of equal contrast, warped by up to 3 pixels, with other structure mixed in.
    """
    known = [pair(32, seed, 3.0) for seed in range(6)]
    images = torch.cat([image[:, :1] for image, _, _ in known])
    targets = torch.cat([target[:, :1] for _, target, _ in known])
    targets = targets + 0.5 * smooth(6, 1, 32, 32, seed=9)
    images, targets = (
        32 * x / x.flatten(1).norm(dim=1)[:, None, None, None] for x in (images, targets)
    )
    metric = SSDMetric(2, smooth=softness)
    registration = SymmetricDiffeomorphicRegistration(metric, level_iters=[200, 100, 100])
    theirs = []
    for image, target in zip(images.numpy(), targets.numpy(), strict=True):
        mapping = registration.optimize(target[0], image[0])
        theirs.append(torch.from_numpy(mapping.transform(image[0])[None]))
    theirs = warp.explained(torch.stack(theirs), targets)
    ours = warp_fit.fit(images, targets)["warp"]
    before = warp.explained(images, targets)
    assert theirs.mean() > before.mean() + 0.15  # it does work
    assert ours.explained.mean() >= theirs.mean()
    assert (ours.explained > theirs - 0.05).all()


def test_a_pair_does_not_depend_on_its_batch():
    images, targets = smooth(3, 3, 16, 16), smooth(3, 3, 16, 16, seed=1)
    together = warp_fit.fit(images, targets, steps=10)["warp"].displacement
    alone = warp_fit.fit(images[2:], targets[2:], steps=10)["warp"].displacement
    torch.testing.assert_close(together[2:], alone, atol=0.02, rtol=0)


def test_pairs_are_fitted_as_by_themselves_and_in_their_order(monkeypatch):
    """In parts of two pairs at a time."""
    monkeypatch.setattr(warp_fit, "at_once", lambda *_: 2)
    images = smooth(4, 3, 16, 16)
    pairs, parts = np.array([[0, 1], [2, 3], [3, 0], [1, 2], [2, 2]]), []
    found = warp_fit.fit_pairs(images, pairs, steps=5, progress=parts.append)
    assert parts == [2, 2, 1]
    alone = warp_fit.fit(images[pairs[:, 0]], images[pairs[:, 1]], steps=5)
    for family in warp_fit.FAMILIES:
        close = dict(atol=0.02, rtol=0)
        torch.testing.assert_close(found[family].explained, alone[family].explained, **close)
        torch.testing.assert_close(found[family].velocity, alone[family].velocity, **close)
    assert found["none"].explained[4] == pytest.approx(1)


def test_a_plan_is_fitted_and_handed_out():
    """Own, null and control warps of two units out of three, in their places."""
    images, names = smooth(9, 3, 16, 16), (0, "n", "l")
    plan = planned.plan([4, 7], [2, 4, 7], [True] * 3, 3, *names)
    found = warp_fit.fit_plan(images, plan, steps=5)
    assert found["explained"].shape == found["null_explained"].shape == (4, 2, 3)
    assert found["control_velocity"].shape == (2, 3, planned.CONTROLS, 2, 16, 16)
    assert (found["jacobian"] > 0).all()
    for unit, start in ((0, 3), (1, 6)):
        for pair, (source, target) in enumerate(plan["pairs"] + start):
            one = warp_fit.fit(images[source][None], images[target][None], steps=5)
            for row, family in enumerate(warp_fit.FAMILIES):
                assert float(found["explained"][row, unit, pair]) == pytest.approx(
                    float(one[family].explained), abs=0.02
                )
            moved = warp.displacement(found["velocity"][unit, pair][None])[0]
            torch.testing.assert_close(found["displacement"][unit, pair], moved)
            other, image = plan["null"][unit, pair]
            target = images[[2, 4, 7].index(other) * 3 + image]
            one = warp_fit.fit(images[source][None], target[None], steps=5)["warp"]
            assert float(found["null_explained"][3, unit, pair]) == pytest.approx(
                float(one.explained), abs=0.02
            )
    other, which = plan["control"][1, 2, 0]
    source, target = plan["pairs"][which] + [2, 4, 7].index(other) * 3
    one = warp_fit.fit(images[source][None], images[target][None], steps=5)["warp"]
    torch.testing.assert_close(
        found["control_velocity"][1, 2, 0], one.velocity[0], atol=0.05, rtol=0
    )


def test_the_example_is_the_pair_of_the_median_gain():
    stimuli = smooth(1, 3, 3, 16, 16)
    pairs = np.array([[2, 0], [1, 2], [0, 1]])
    explained = torch.tensor([0.0, 0, 0.1, 0, 0, 0, 0, 0, 0, 0.5, 0.9, 0.3]).view(4, 1, 3)
    explained[2, 0] = torch.tensor([0.1, 0.8, 0.0])
    moved = torch.zeros(1, 3, 2, 16, 16)
    moved[:, 2, 0] = 3.0
    found = warp_fit.examples(stimuli, pairs, {"explained": explained, "displacement": moved})
    assert found["example"].tolist() == [2]  # gains 0.4, 0.1 and 0.3
    expected = [(stimuli[0, s] * stimuli[0, t]).sum() < 0 for s, t in pairs[:2]]
    assert found["turned"][0, :2].tolist() == expected
    fits = {"explained": explained, "displacement": 0 * moved}
    opposite = torch.stack([stimuli[0, 0], -stimuli[0, 0], stimuli[0, 0]])[None]
    assert warp_fit.examples(opposite, pairs, fits)["turned"].tolist() == [[False, True, True]]
    torch.testing.assert_close(
        found["warped"][0, :, :13], stimuli[0, 0, :, 3:], atol=1e-4, rtol=1e-4
    )


def test_the_example_of_an_even_number_is_the_lower_of_the_middle_two():
    stimuli, pairs = smooth(1, 4, 3, 16, 16), planned.own_pairs(4)
    explained = torch.zeros(4, 1, 6)
    explained[3, 0] = torch.tensor([0.5, 0.1, 0.4, 0.2, 0.6, 0.3])
    moved = torch.zeros(1, 6, 2, 16, 16)
    found = warp_fit.examples(stimuli, pairs, {"explained": explained, "displacement": moved})
    assert found["example"].tolist() == [5]
    source = stimuli[0, pairs[5, 0]]
    torch.testing.assert_close(found["warped"][0], source, atol=1e-4, rtol=1e-4)


def test_weaker_where_it_would_fold_and_nowhere_else():
    fields = torch.stack([wave(24, peak=1.0)[0][0], 8 * noise(2, 24, 24)])
    weaker, moved, least = warp.unfolded(fields)
    torch.testing.assert_close(weaker[0], fields[0])
    strength = weaker[1] / fields[1]
    torch.testing.assert_close(strength, strength[0, 0, 0].expand_as(strength), rtol=1e-4, atol=0)
    assert (least > 0).all()
    torch.testing.assert_close(moved, warp.displacement(weaker))
    assert warp.jacobian(warp.displacement(weaker[1:] / 0.9)) <= 0  # no weaker than it must be


def test_smoothness_costs_bending():
    images, targets = smooth(4, 3, 24, 24), smooth(4, 3, 24, 24, seed=1)
    pairs = np.stack([np.arange(4), np.arange(4, 8)], 1)
    both = torch.cat([images, targets])
    free, stiff = (warp_fit.fit_pairs(both, pairs, smoothness)["warp"] for smoothness in (0, 0.05))

    def bent(fit):
        fields = fit.velocity
        return sum(fields.diff(n=2, dim=dim).square().mean() for dim in (2, 3))

    assert bent(stiff) < 0.3 * bent(free)
    assert stiff.explained.mean() < free.explained.mean()


def test_the_two_starts_find_what_the_affine_map_leads_away_from():
    """Bends of a grating-like pattern: from the affine map alone the fit ends lower."""
    known = cells.ground_truth()
    templates = next(cell for cell in known if cell.truth == "warp_invariant").templates
    images = torch.from_numpy(templates[[0, 10, 110, 120, 5, 55]]).float()
    both = torch.cartesian_prod(torch.arange(6), torch.arange(6))
    both = both[both[:, 0] != both[:, 1]]
    found = warp_fit.fit(images[both[:, 0]], images[both[:, 1]])
    assert found["warp"].explained.mean() > found["affine"].explained.mean() + 0.4
    assert found["warp"].explained.mean() > 0.85


def test_of_two_starts_the_better_end_counts():
    """Climbed by hand, from the affine map and from none; each is the better one somewhere."""
    images, targets = smooth(8, 3, 24, 24), smooth(8, 3, 24, 24, seed=1)
    found, fine = warp_fit.fit(images, targets), warp.upsample(images)
    ends = []
    for fields in (found["affine"].velocity, torch.zeros(8, 2, 24, 24)):
        for (_, blur), space in zip(warp_fit.LEVELS, SPACES["warp"], strict=True):
            fields, _ = warp_fit._climb(
                warp.upsample(low_pass(images, blur)),
                low_pass(targets, blur),
                fields,
                warp_fit.free_displacement,
                *space,
                warp_fit.SMOOTHNESS,
                warp_fit.STEPS,
            )
        _, moved, _ = warp.unfolded(fields)
        ends.append(warp.explained(warp.warp(fine, moved), targets))
    assert (ends[0] > ends[1] + 0.01).any()
    assert (ends[1] > ends[0] + 0.01).any()
    expected = torch.stack([*ends, found["affine"].explained]).amax(0)
    torch.testing.assert_close(found["warp"].explained, expected, atol=5e-3, rtol=0)


def test_a_far_shift_with_a_bend_is_found_best_from_the_affine_map():
    """Six pixels away: from no warp at all, one of these ends at 0.93."""
    fields = torch.cat([wave(32, seed, 2.0)[0] for seed in (1, 2, 3)])
    fields[:, 0] += 6.0
    images = smooth(4, 3, 32, 32, sigma=1.5)[1:]
    targets = warp.warp(warp.upsample(images), warp.displacement(fields))
    found = warp_fit.fit(images, targets)
    assert (found["affine"].explained < 0.95).all()
    assert (found["warp"].explained > 0.99).all()
