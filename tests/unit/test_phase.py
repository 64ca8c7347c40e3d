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
    assert modulation == pytest.approx(1 - 1 / side**2)


def test_power_is_counted_as_on_the_full_plane():
    """The modulation is the variance's share of the mean square, at odd and even sides."""
    for side in SIDES:
        stimulus = noise(3, side, side) + 0.5
        _, _, modulation = phase.direction(stimulus)
        variance = stimulus.var((1, 2), correction=0).sum()
        assert modulation == pytest.approx(float(variance / (stimulus**2).mean((1, 2)).sum()))
    assert phase.direction(torch.full((3, 9, 9), 4.0))[2] == 0
    assert phase.direction(torch.zeros(3, 9, 9))[2] == 0


@pytest.mark.parametrize("cycles", [2.0, 3.0, 3.4, 6.75])
def test_frequency_between_the_grid_points(cycles):
    y, x = np.meshgrid(np.arange(24) - 11.5, np.arange(24) - 11.5, indexing="ij")
    window = np.exp(-(y**2 + x**2) / 72)
    wave = window * np.cos(2 * np.pi * cycles / 24 * (0.6 * x + 0.8 * y) + 1)
    stimulus = torch.from_numpy(np.stack([wave, 0 * wave, -wave]))
    assert float(phase.frequency(stimulus)) == pytest.approx(cycles / 24, abs=1 / (4 * 24))


def test_frequency_does_not_see_the_mean():
    assert float(phase.frequency(grating(24, 0, 5) + 100)) == pytest.approx(5 / 24, abs=0.01)


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
    vertical, horizontal = phase.local_direction(stimulus, angle, phase.frequency(stimulus))
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


@pytest.mark.parametrize("side", [24, 25])
def test_both_forms_agree_on_a_grating(side):
    stimulus = grating(side, 0, 3) + 0.2
    angle, _, _ = phase.direction(stimulus)
    local = phase.shift_local(stimulus, PHASES, angle, phase.frequency(stimulus))
    torch.testing.assert_close(local, phase.shift(stimulus, PHASES, angle), atol=1e-6, rtol=0)


def test_monogenic_form_keeps_norm_and_start():
    stimulus = 40 * noise(2, 5, 3, 24, 24)
    angle, _, _ = phase.direction(stimulus)
    shifted = phase.shift_local(stimulus, PHASES, angle, phase.frequency(stimulus))
    assert shifted.shape == (2, 5, len(PHASES), 3, 24, 24)
    norm = (stimulus**2).sum((2, 3, 4))[..., None]
    torch.testing.assert_close((shifted**2).sum((3, 4, 5)), norm.expand(2, 5, len(PHASES)))
    torch.testing.assert_close(shifted[:, :, 0], stimulus)


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
    found = phase.tune(observe, stimuli, values)
    assert found.shape == (2, 2, 2, 8)
    angle, _, _ = phase.direction(stimuli)
    for row, template in enumerate(templates):
        for image, scale in enumerate((1, 3)):
            for column, value in enumerate(values.tolist()):
                shifted = twin(scale * template, float(angle[row, image]), value)
                expected = (shifted * template).sum() / 2
                assert float(found[0, row, image, column]) == pytest.approx(expected, abs=1e-5)
