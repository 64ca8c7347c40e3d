"""Phase shifts: every component of a stimulus moved by the same phase, its amplitudes kept.

Two forms. The Fourier form splits the Fourier plane in two by a line through the origin, across one
direction for the whole stimulus. The monogenic form (Felsberg & Sommer 2001) uses the local
direction instead, for templates that are curved. All colour channels are shifted alike; the mean
of each stays, and so does the norm.
"""

import torch

from .observer import evaluate
from .spectrum import length, low_pass

PADDING = 4  # `frequency` reads the spectrum at steps of 1 / (PADDING * side)


def _frequencies(side, device):
    """Integer frequencies (ky, kx) of `rfft2`, and the same with ambiguous Nyquist parts at 0.

    At even sides the Nyquist frequency stands for both its signs at once, so that a function odd in
    it can only be 0 there.
    """
    ky = torch.fft.fftfreq(side, 1 / side, dtype=torch.float64, device=device)[:, None]
    kx = torch.fft.rfftfreq(side, 1 / side, dtype=torch.float64, device=device)[None, :]
    odd_y, odd_x = ky.clone(), kx.clone()
    if side % 2 == 0:
        odd_y[side // 2] = 0
        odd_x[:, side // 2] = 0
    return (ky, kx), (odd_y, odd_x)


def _power(stimuli):
    """Power beyond DC of each frequency of the half plane, colours summed; counted as in full."""
    side = stimuli.shape[-1]
    power = torch.fft.rfft2(stimuli.double()).abs().square().sum(-3)
    power[..., 0, 0] = 0
    # The half plane holds one of each conjugate pair, but both in its first and Nyquist column.
    power[..., :, 1 : (side + 1) // 2] *= 2
    return power


def direction(stimuli):
    """Direction across the stripes: the axis around which the spectrum's power lies.

    Half the angle of the power-weighted mean of exp(2i angle), as axes have no sign.

    Parameters
    ----------
    stimuli : torch.Tensor, (..., channel, y, x)

    Returns
    -------
    angle : torch.Tensor, (...)
        Radians in -pi/2..pi/2. 0 for vertical stripes; y points down.
    strength : torch.Tensor, (...)
        Length of that mean: 1 for a grating, 0 where no direction stands out.
    modulation : torch.Tensor, (...)
        Share of the power that a phase shift moves: all but DC and, at even sides, the three other
        components that are their own conjugate. 0 for a uniform or blank stimulus.
    """
    (ky, kx), (odd_y, odd_x) = _frequencies(stimuli.shape[-1], stimuli.device)
    power = _power(stimuli)
    total = power.sum((-2, -1))
    squared = (ky**2 + kx**2).clamp(min=1)
    doubled = torch.complex(kx**2 - ky**2, 2 * odd_y * odd_x) / squared  # exp(2i angle)
    mean = (power * doubled).sum((-2, -1))
    strength = torch.where(total > 0, mean.abs() / total, 0)
    uniform = stimuli.double().sum((-2, -1)).square().sum(-1)
    whole = total + uniform
    moved = (power * ((odd_y != 0) | (odd_x != 0))).sum((-2, -1))
    modulation = torch.where(whole > 0, moved / whole, 0)
    return mean.angle() / 2, strength, modulation


def is_flat(stimuli):
    """Which stimuli have the same power at all frequencies beyond DC, to 1%, or none at all.

    Parameters
    ----------
    stimuli : torch.Tensor, (..., channel, y, x)

    Returns
    -------
    torch.Tensor of bool, (...)
    """
    power = torch.fft.fft2(stimuli.double()).abs().square().sum(-3).flatten(-2)[..., 1:]
    if power.shape[-1] == 0:
        return torch.ones(power.shape[:-1], dtype=torch.bool, device=power.device)
    return power.amax(-1) <= 1.01 * power.mean(-1)


def frequency(stimuli):
    """Spatial frequency at the peak of the amplitude spectrum, colours summed.

    Parameters
    ----------
    stimuli : torch.Tensor, (..., channel, y, x)

    Returns
    -------
    torch.Tensor, (...)
        Cycles per pixel, up to sqrt(1/2).
    """
    side = stimuli.shape[-1]
    size = PADDING * side
    centred = stimuli.double() - stimuli.double().mean((-2, -1), keepdim=True)
    power = torch.fft.rfft2(centred, s=(size, size)).abs().square().sum(-3)
    (ky, kx), _ = _frequencies(size, stimuli.device)
    peak = power.flatten(-2).argmax(-1)
    return (torch.hypot(ky, kx) / size).flatten()[peak]


def half_plane(side, angle):
    """+1 and -1 for the two halves of the Fourier plane, split by a line across `angle`.

    Components on the line go to the half that a quarter turn of it would put them in, so that each
    has its conjugate in the other half. Those that are their own conjugate (DC, and the corners of
    the Nyquist frequencies at even sides) are 0: a real stimulus cannot shift them.

    Parameters
    ----------
    side : int
    angle : torch.Tensor, (...)
        Radians, see `direction`.

    Returns
    -------
    torch.Tensor, (..., side, side // 2 + 1)
        For the half plane that `torch.fft.rfft2` gives.
    """
    _, (ky, kx) = _frequencies(side, angle.device)
    cosine, sine = angle.double().cos()[..., None, None], angle.double().sin()[..., None, None]
    across, along = kx * cosine + ky * sine, ky * cosine - kx * sine
    # An exact tie, up to rounding of the cosine and sine.
    across = torch.where(across.abs() < 1e-9 * side, 0, across)
    return torch.where(across != 0, across.sign(), along.sign())


def shift(stimuli, phases, angle):
    """Fourier form: one half of the Fourier plane times exp(i phase), the other its conjugate.

    Parameters
    ----------
    stimuli : torch.Tensor, (..., channel, y, x)
    phases : torch.Tensor, (phase,)
        Radians.
    angle : torch.Tensor, (...)
        The plane is split across it, see `direction`.

    Returns
    -------
    torch.Tensor, (..., phase, channel, y, x)
        Double precision. Amplitude spectra are those of the stimuli; -phase takes each back.
    """
    side = stimuli.shape[-1]
    half = half_plane(side, angle)[..., None, :, :]
    turn = torch.exp(1j * half * phases.double()[:, None, None])
    spectrum = torch.fft.rfft2(stimuli.double())
    turned = spectrum[..., None, :, :, :] * turn[..., None, :, :]
    return torch.fft.irfft2(turned, s=(side, side))


def riesz(stimuli):
    """Riesz transform: each component a quarter cycle later, times its direction.

    Parameters
    ----------
    stimuli : torch.Tensor, (..., y, x)

    Returns
    -------
    torch.Tensor, (2, ..., y, x)
        Vertical and horizontal part, double precision: the transfer is -i k / |k|.
    """
    side = stimuli.shape[-1]
    (ky, kx), odd = _frequencies(side, stimuli.device)
    radius = torch.hypot(ky, kx)
    radius[0, 0] = 1
    spectrum = torch.fft.rfft2(stimuli.double())
    parts = [torch.fft.irfft2(-1j * k / radius * spectrum, s=(side, side)) for k in odd]
    return torch.stack(parts)


def local_direction(parts, angle, frequencies):
    """Direction across the stripes at each pixel, from the smoothed tensor of the Riesz transform.

    An axis has two signs. They are taken along the direction of the whole stimulus or, as suits
    rings, away from its middle: whichever lets neighbours agree more.

    Parameters
    ----------
    parts : torch.Tensor, (2, ..., channel, y, x)
        Of the stimuli, from `riesz`.
    angle : torch.Tensor, (...)
        Direction of the whole stimulus.
    frequencies : torch.Tensor, (...)
        Cycles per pixel; the tensor is smoothed over half a cycle.

    Returns
    -------
    torch.Tensor, (2, ..., y, x)
        Vertical and horizontal part of unit vectors.
    """
    side = parts.shape[-1]
    sigma = 0.5 / frequencies.double().clamp(min=1 / side)

    def smooth(fields):
        return low_pass(fields, sigma[..., None, None])

    vertical, horizontal = parts
    difference = smooth((horizontal.square() - vertical.square()).sum(-3))
    product = smooth(2 * (horizontal * vertical).sum(-3))
    local = torch.atan2(product, difference) / 2
    axis = torch.stack([local.sin(), local.cos()])
    energy = (horizontal.square() + vertical.square()).sum(-3)

    whole = torch.stack([angle.sin(), angle.cos()])[..., None, None]
    middle = torch.arange(side, dtype=torch.float64, device=parts.device) - (side - 1) / 2
    outward = torch.stack(torch.meshgrid(middle, middle, indexing="ij"))
    outward = outward.reshape(2, *[1] * angle.ndim, side, side)
    signed = [
        axis * torch.where((axis * along).sum(0) < 0, -1.0, 1.0) for along in (whole, outward)
    ]
    agreement = [smooth(energy * field).square().sum((0, -2, -1)) for field in signed]
    ring = agreement[1] > agreement[0] * (1 + 1e-9)  # a tie goes to the whole
    return torch.where(ring[..., None, None], signed[1], signed[0])


def shift_local(stimuli, phases, angle, frequencies):
    """Monogenic form: the local phase moved along the local direction, at the stimulus's norm.

    Amplitudes change a little where the direction does.

    Parameters
    ----------
    stimuli : torch.Tensor, (..., channel, y, x)
    phases : torch.Tensor, (phase,)
        Radians.
    angle, frequencies : torch.Tensor, (...)
        See `local_direction`.

    Returns
    -------
    torch.Tensor, (..., phase, channel, y, x)
        Double precision.
    """
    stimuli = stimuli.double()
    mean = stimuli.mean((-2, -1), keepdim=True)
    parts = riesz(stimuli)
    vertical, horizontal = local_direction(parts, angle, frequencies)[..., None, :, :]
    across = vertical * parts[0] + horizontal * parts[1]
    even, odd = stimuli - mean, across - across.mean((-2, -1), keepdim=True)
    cosine = phases.double().cos()[:, None, None, None]
    sine = phases.double().sin()[:, None, None, None]
    shifted = even[..., None, :, :, :] * cosine - odd[..., None, :, :, :] * sine
    scale = length(even)[..., None, :, :, :] / length(shifted).clamp(min=1e-30)
    return mean[..., None, :, :, :] + scale * shifted


def tune(observe, stimuli, phases, angle, frequencies):
    """Responses over a cycle of phases, in both forms.

    Parameters
    ----------
    observe : function
        As made by `observer.observer`.
    stimuli : torch.Tensor, (unit, image, channel, y, x)
    phases : torch.Tensor, (phase,)
        Radians.
    angle, frequencies : torch.Tensor, (unit, image)
        From `direction` and `frequency`.

    Returns
    -------
    torch.Tensor, (form, unit, image, phase)
        Before the ReLU; forms in the order of `tuning.FORMS`.
    """
    found = []
    for image in range(stimuli.shape[1]):  # one by one: their shifts are many times their size
        one = stimuli[:, image], phases, angle[:, image]
        forms = shift(*one), shift_local(*one, frequencies[:, image])
        found.append(torch.stack([evaluate(observe, shifted.float()) for shifted in forms]))
    return torch.stack(found, 2)
