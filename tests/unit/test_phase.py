"""Phase shifts against closed forms and numpy twins."""

import numpy as np
import pytest
import torch

from invariscope import cells, phase
from invariscope.observer import observer

SIDES = [7, 8, 24, 25]
ANGLES = [0.0, np.pi / 2, np.pi / 4, -np.pi / 4, 0.3, -1.2]
PHASES = torch.tensor([0.0, 0.4, np.pi / 2, 2.0, np.pi, -1.0])


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def grating(side, ky, kx, offset=0.0):
    """Grey grating of whole cycles, (3, side, side)."""
    y, x = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    wave = np.cos(2 * np.pi * (ky * y + kx * x) / side + offset)
    return torch.from_numpy(np.stack([wave] * 3))


def twin(stimulus, angle, shift):
    """The Fourier form on the full plane, component by component, in numpy."""
    side = stimulus.shape[-1]
    spectrum = np.fft.fft2(stimulus)
    for row in range(side):
        for column in range(side):
            ky, kx = (k if 2 * k != side else 0 for k in (row, column))
            ky, kx = (k - side if 2 * k > side else k for k in (ky, kx))
            across = kx * np.cos(angle) + ky * np.sin(angle)
            if abs(across) < 1e-9:
                across = ky * np.cos(angle) - kx * np.sin(angle)
            spectrum[:, row, column] *= np.exp(1j * shift * np.sign(across))
    back = np.fft.ifft2(spectrum)
    assert np.abs(back.imag).max() < 1e-12  # else the halves were not conjugate
    return back.real


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("angle", ANGLES)
def test_fourier_form_is_its_numpy_twin(side, angle):
    stimulus = noise(3, side, side)
    shifted = phase.shift(stimulus, PHASES, torch.tensor(angle, dtype=torch.float64))
    for found, value in zip(shifted, PHASES.tolist(), strict=True):
        np.testing.assert_allclose(found, twin(stimulus.numpy(), angle, value), atol=1e-6)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("angle", ANGLES)
def test_shift_keeps_every_amplitude_and_can_be_undone(side, angle):
    """White noise has power at every component, DC and Nyquist among them."""
    stimulus = 100 * noise(3, side, side) + 7
    angle = torch.tensor(angle)
    shifted = phase.shift(stimulus, PHASES, angle)
    amplitude = torch.fft.fft2(stimulus).abs()
    difference = (torch.fft.fft2(shifted).abs() - amplitude).abs().amax((1, 2, 3))
    assert (difference < 1e-6 * amplitude.max()).all()
    assert (shifted[2] - stimulus).abs().max() > 10  # it does shift
    for value, moved in zip(PHASES, shifted, strict=True):
        back = phase.shift(moved, -value[None], angle)[0]
        assert (back - stimulus).abs().max() < 1e-6 * stimulus.abs().max()


def test_shifts_add_up():
    stimulus, angle = noise(3, 24, 24), torch.tensor(0.7)
    once = phase.shift(stimulus, torch.tensor([1.3]), angle)[0]
    twice = phase.shift(once, torch.tensor([0.9]), angle)[0]
    torch.testing.assert_close(
        twice, phase.shift(stimulus, torch.tensor([2.2]), angle)[0], atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(("ky", "kx"), [(0, 3), (3, 0), (2, 5), (-2, 5), (4, -1)])
@pytest.mark.parametrize("side", [24, 25])
def test_a_grating_moves_by_the_phase(side, ky, kx):
    """cos(k x) becomes cos(k x + phase) if k lies on the side of the direction."""
    angle = np.arctan2(ky, kx)
    shifted = phase.shift(grating(side, ky, kx), PHASES, torch.tensor(angle))
    for found, value in zip(shifted, PHASES.tolist(), strict=True):
        torch.testing.assert_close(found, grating(side, ky, kx, value), atol=1e-6, rtol=0)


@pytest.mark.parametrize("side", SIDES)
def test_what_is_its_own_conjugate_stays(side):
    """DC at all sides; at even ones, too, the three corners at which both or one are Nyquist."""
    own = [(0, 0)]
    if side % 2 == 0:
        own += [(0, side // 2), (side // 2, 0), (side // 2, side // 2)]
    for ky, kx in own:
        stimulus = grating(side, ky, kx)
        shifted = phase.shift(stimulus, PHASES, torch.tensor(0.2))
        torch.testing.assert_close(shifted, stimulus.expand_as(shifted), atol=1e-9, rtol=0)
    half = phase.half_plane(side, torch.tensor(0.2))
    assert int((half == 0).sum()) == len(own)


@pytest.mark.parametrize("side", SIDES)
def test_single_precision_stimuli_are_shifted_in_double(side):
    stimulus = (300 * noise(3, side, side)).float()
    shifted = phase.shift(stimulus, PHASES, torch.tensor(0.4))
    before = torch.fft.fft2(stimulus.double()).abs()
    assert (torch.fft.fft2(shifted).abs() - before).abs().max() < 1e-6 * before.max()


@pytest.mark.parametrize("degrees", [-80, -45, -10, 0, 20, 45, 70, 90])
def test_direction_of_gabors(degrees):
    template = torch.from_numpy(cells.gabor(0.3, np.deg2rad(degrees)))
    angle, strength, modulation = phase.direction(template)
    assert abs((np.rad2deg(float(angle)) - degrees + 90) % 180 - 90) < 1
    assert strength > 0.85
    assert modulation > 0.99


def test_direction_of_batches_and_of_a_mixture():
    """Two gratings: their axes are averaged at double the angle, by power, not by amplitude."""
    first, second = grating(24, 0, 4), grating(24, 4, 4)
    angle, strength, _ = phase.direction(torch.stack([2 * first + second, first])[None])
    mean = (4 * np.exp(0j) + 1 * np.exp(1j * np.pi / 2)) / 5
    assert angle.shape == (1, 2)
    assert float(angle[0, 0]) == pytest.approx(np.angle(mean) / 2, abs=1e-6)
    assert float(strength[0, 0]) == pytest.approx(abs(mean), abs=1e-6)
    assert float(angle[0, 1]) == pytest.approx(0, abs=1e-6)
    assert float(strength[0, 1]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("side", SIDES)
def test_a_flat_spectrum_has_no_direction(side):
    stimulus = torch.zeros(3, side, side)
    stimulus[:, side // 3, side // 2] = 50
    _, strength, modulation = phase.direction(stimulus)
    assert strength < 1e-12
    # Each component has as much power; one, or at even sides four, cannot be shifted.
    assert modulation == pytest.approx(1 - (4 if side % 2 == 0 else 1) / side**2)
    assert phase.is_flat(stimulus)
    stimulus[0, 0, 0] += 1
    assert not phase.is_flat(stimulus)


def test_power_is_counted_as_on_the_full_plane():
    """At odd sides the modulation is the variance's share of the mean square."""
    for side in (7, 25):
        stimulus = noise(3, side, side) + 0.5
        _, _, modulation = phase.direction(stimulus)
        variance = stimulus.var((1, 2), correction=0).sum()
        assert modulation == pytest.approx(float(variance / (stimulus**2).mean((1, 2)).sum()))


@pytest.mark.parametrize("side", SIDES)
def test_modulation_is_the_share_that_a_shift_turns_over(side):
    """Half a cycle later, what a shift moves has changed its sign, and nothing else has."""
    stimulus = noise(3, side, side) + 0.5
    angle, _, modulation = phase.direction(stimulus)
    opposite = phase.shift(stimulus, torch.tensor([np.pi]), angle)[0]
    moved = ((stimulus - opposite) / 2).square().sum() / stimulus.square().sum()
    assert float(modulation) == pytest.approx(float(moved), abs=1e-6)


@pytest.mark.parametrize(
    "stimulus",
    [
        torch.full((3, 9, 9), 4.0),
        torch.zeros(3, 9, 9),
        grating(8, 4, 4),  # a checkerboard
        noise(3, 2, 2),  # of two pixels every component is its own conjugate
        noise(3, 1, 1),
    ],
    ids=["uniform", "blank", "checkerboard", "two pixels", "one pixel"],
)
def test_nothing_to_shift(stimulus):
    assert phase.direction(stimulus)[2] == pytest.approx(0, abs=1e-12)


def test_flatness():
    assert phase.is_flat(torch.zeros(3, 5, 5))
    assert phase.is_flat(torch.ones(3, 1, 1))
    found = phase.is_flat(torch.stack([grating(8, 0, 1), torch.full((3, 8, 8), 3.0)]))
    # Rounding leaves a uniform stimulus some power, which is not even.
    assert not found[0]


@pytest.mark.parametrize("cycles", [2.0, 3.25, 3.4, 6.75])
def test_frequency_between_the_grid_points(cycles):
    y, x = np.meshgrid(np.arange(24) - 11.5, np.arange(24) - 11.5, indexing="ij")
    window = np.exp(-(y**2 + x**2) / 72)
    wave = window * np.cos(2 * np.pi * cycles / 24 * (0.6 * x + 0.8 * y) + 1)
    stimulus = torch.from_numpy(np.stack([wave, 0 * wave, -wave]))
    assert float(phase.frequency(stimulus)) == pytest.approx(cycles / 24, abs=0.6 / (4 * 24))


def test_frequency_does_not_see_the_mean():
    offsets = torch.tensor([100.0, -100.0, 0.0])[:, None, None]
    assert float(phase.frequency(grating(24, 0, 5) + offsets)) == pytest.approx(5 / 24, abs=0.01)


@pytest.mark.parametrize(("ky", "kx"), [(0, 3), (3, 0), (2, 5), (-2, 5)])
def test_riesz_transform_of_a_grating(ky, kx):
    """Of cos it is sin along the direction of the wave."""
    found = phase.riesz(grating(25, ky, kx))
    quarter = grating(25, ky, kx, -np.pi / 2)
    length = np.hypot(ky, kx)
    torch.testing.assert_close(found[0], ky / length * quarter, atol=1e-9, rtol=0)
    torch.testing.assert_close(found[1], kx / length * quarter, atol=1e-9, rtol=0)


@pytest.mark.parametrize("side", SIDES)
def test_riesz_transform_is_its_numpy_twin(side):
    stimulus = noise(3, side, side)
    k = np.fft.fftfreq(side, 1 / side)
    radius = np.hypot(k[:, None], k[None, :])
    radius[0, 0] = 1
    spectrum = np.fft.fft2(stimulus.numpy())
    for axis, found in enumerate(phase.riesz(stimulus)):
        odd = np.where(2 * k == -side, 0, k)
        transfer = -1j * (odd[:, None] if axis == 0 else odd[None, :]) / radius
        np.testing.assert_allclose(found, np.fft.ifft2(spectrum * transfer).real, atol=1e-12)


def rings(side, cycles, shift=0.0, centre=0.0, width=60):
    """Rings around a point `centre` pixels above the middle, under a round window."""
    y, x = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    y, x = y - (side - 1) / 2, x - (side - 1) / 2
    wave = np.cos(2 * np.pi * cycles / side * np.hypot(y + centre, x) + shift)
    return torch.from_numpy(np.stack([wave * np.exp(-(y**2 + x**2) / width)] * 3))


@pytest.mark.parametrize("centre", [14.0, 0.0])
def test_local_direction_follows_arcs_and_rings(centre):
    """Across an arc is the ray from its centre; all rays point inward or all outward."""
    stimulus = rings(48, 10, centre=centre)
    angle, _, _ = phase.direction(stimulus)
    vertical, horizontal = phase.local_direction(
        phase.riesz(stimulus), angle, phase.frequency(stimulus)
    )
    y, x = np.meshgrid(np.arange(48) - 23.5, np.arange(48) - 23.5, indexing="ij")
    ray = np.stack([y + centre, x]) / np.hypot(y + centre, x)
    inside = (np.hypot(y, x) < 9) & (np.hypot(y + centre, x) > 4)
    aligned = (vertical.numpy() * ray[0] + horizontal.numpy() * ray[1])[inside]
    assert (np.abs(aligned) > 0.96).all()
    assert len(set(np.sign(aligned))) == 1
    torch.testing.assert_close(vertical**2 + horizontal**2, torch.ones(48, 48, dtype=torch.float64))


@pytest.mark.parametrize("value", [np.pi / 4, np.pi / 2])
def test_monogenic_form_moves_rings_outward_and_the_fourier_form_cannot(value):
    stimulus = rings(48, 10, width=120)
    angle, _, _ = phase.direction(stimulus)
    value = torch.tensor([value])
    local = phase.shift_local(stimulus, value, angle, phase.frequency(stimulus))[0]
    half = phase.shift(stimulus, value, angle)[0]

    def likeness(found):
        targets = [rings(48, 10, sign * float(value), width=120).flatten() for sign in (1, -1)]
        return max(float(torch.cosine_similarity(found.flatten(), t, 0)) for t in targets)

    assert likeness(local) > 0.98
    assert likeness(half) < 0.9


def local_twin(stimulus, shifts, angle, cycles):
    """The monogenic form of one stimulus, in numpy on the full plane."""
    side = stimulus.shape[-1]
    k = np.fft.fftfreq(side, 1 / side)
    odd = np.where(2 * k == -side, 0, k)
    radius = np.maximum(np.hypot(k[:, None], k[None, :]), 1e-9)
    parts = [
        np.fft.ifft2(np.fft.fft2(stimulus) * -1j * o / radius).real
        for o in (odd[:, None], odd[None, :])
    ]
    low_pass = np.exp(-2 * (np.pi * (0.5 / cycles) / side) ** 2 * radius**2)

    def smooth(field):
        return np.fft.ifft2(np.fft.fft2(field) * low_pass).real

    difference = smooth((parts[1] ** 2 - parts[0] ** 2).sum(0))
    local = np.arctan2(smooth(2 * (parts[0] * parts[1]).sum(0)), difference) / 2
    axis = np.stack([np.sin(local), np.cos(local)])
    energy = (parts[0] ** 2 + parts[1] ** 2).sum(0)
    middle = np.arange(side) - (side - 1) / 2
    candidates = []
    for along in (
        np.stack([np.full((side, side), np.sin(angle)), np.full((side, side), np.cos(angle))]),
        np.stack(np.meshgrid(middle, middle, indexing="ij")),
    ):
        signed = axis * np.where((axis * along).sum(0) < 0, -1, 1)
        candidates.append((sum((smooth(energy * f) ** 2).sum() for f in signed), signed))
    vertical, horizontal = max(candidates, key=lambda c: c[0])[1]
    mean = stimulus.mean((1, 2), keepdims=True)
    even, across = stimulus - mean, vertical * parts[0] + horizontal * parts[1]
    across = across - across.mean((1, 2), keepdims=True)
    found = []
    for value in shifts:
        moved = even * np.cos(value) - across * np.sin(value)
        found.append(mean + moved * np.linalg.norm(even) / np.linalg.norm(moved))
    return np.stack(found)


@pytest.mark.parametrize("side", [24, 25])
def test_monogenic_form_is_its_numpy_twin(side):
    """In a batch of noise and rings, which take their signs in different ways."""
    stimuli = torch.stack([noise(3, side, side), rings(side, 5) + 1, noise(3, side, side, seed=1)])
    angle, _, _ = phase.direction(stimuli)
    frequencies = torch.tensor([0.1, 5 / side, 0.3])
    found = phase.shift_local(stimuli, PHASES, angle, frequencies)
    for row, cycles in enumerate(frequencies.tolist()):
        twin_of = local_twin(stimuli[row].numpy(), PHASES.tolist(), float(angle[row]), cycles)
        np.testing.assert_allclose(found[row], twin_of, atol=1e-5)


@pytest.mark.parametrize("side", [24, 25])
def test_both_forms_agree_on_a_grating(side):
    stimulus = grating(side, 0, 3) + 0.2
    angle, _, _ = phase.direction(stimulus)
    local = phase.shift_local(stimulus, PHASES, angle, phase.frequency(stimulus))
    torch.testing.assert_close(local, phase.shift(stimulus, PHASES, angle), atol=1e-6, rtol=0)


def test_monogenic_form_keeps_norm_mean_and_start():
    stimulus = 40 * noise(2, 5, 3, 24, 24) + 10
    angle, _, _ = phase.direction(stimulus)
    shifted = phase.shift_local(stimulus, PHASES, angle, phase.frequency(stimulus))
    assert shifted.shape == (2, 5, len(PHASES), 3, 24, 24)
    norm = (stimulus**2).sum((2, 3, 4))[..., None]
    torch.testing.assert_close((shifted**2).sum((3, 4, 5)), norm.expand(2, 5, len(PHASES)))
    torch.testing.assert_close(shifted[:, :, 0], stimulus)
    mean = stimulus.mean((3, 4))[:, :, None]
    torch.testing.assert_close(shifted.mean((4, 5)), mean.expand(2, 5, len(PHASES), 3))


def test_uniform_and_blank_stimuli_stay_finite():
    for stimulus in (torch.zeros(1, 1, 3, 8, 8), torch.full((1, 1, 3, 8, 8), 9.0)):
        angle, _, _ = phase.direction(stimulus)
        for shifted in (
            phase.shift(stimulus, PHASES, angle),
            phase.shift_local(stimulus, PHASES, angle, phase.frequency(stimulus)),
        ):
            torch.testing.assert_close(shifted, stimulus.double()[:, :, None].expand_as(shifted))


def test_tuning_asks_each_unit_for_its_own_stimuli(cell_trunk):
    """Against the projections, computed by numpy from each unit's own template."""
    units, values = [0, 6], torch.arange(8) * (2 * np.pi / 8)
    observe = observer(cell_trunk, cells.LAYER, units, np.full(7, 2.0))
    templates = [cells.ground_truth()[unit].templates[0] for unit in units]
    stimuli = torch.from_numpy(np.stack([[t, 3 * t] for t in templates])).float()
    angle, _, _ = phase.direction(stimuli)
    found = phase.tune(observe, stimuli, values, angle, phase.frequency(stimuli))
    assert found.shape == (2, 2, 2, 8)
    for row, template in enumerate(templates):
        for image, scale in enumerate((1, 3)):
            for column, value in enumerate(values.tolist()):
                shifted = twin(scale * template, float(angle[row, image]), value)
                expected = (shifted * template).sum() / 2
                assert float(found[0, row, image, column]) == pytest.approx(expected, abs=1e-5)


def test_tuning_in_the_monogenic_form(cell_trunk):
    """Of noise, whose curves are alike in nothing; against the numpy twin."""
    values = torch.arange(8) * (2 * np.pi / 8)
    stimuli = 20 * noise(2, 3, 3, 24, 24).float()
    angle, _, _ = phase.direction(stimuli)
    cycles = phase.frequency(stimuli)
    observe = observer(cell_trunk, cells.LAYER, [0, 6], np.ones(7))
    found = phase.tune(observe, stimuli, values, angle, cycles)
    for row, unit in enumerate((0, 6)):
        template = cells.ground_truth()[unit].templates[0]
        for image in range(3):
            shifted = local_twin(
                stimuli[row, image].double().numpy(),
                values.tolist(),
                float(angle[row, image]),
                float(cycles[row, image]),
            )
            expected = (shifted * template).sum((1, 2, 3))
            np.testing.assert_allclose(found[1, row, image], expected, atol=1e-2)
