"""Model cells with known answers.

Each cell pools the projections of the image on unit-norm templates: the largest of them ('max'), or
their Euclidean norm ('norm'). What the pool runs over is what the cell is invariant to, so every
index of this package can be calibrated on them. The maximum of each cell over stimuli of norm N is
exactly N: all templates have norm 1, and the pair that a norm runs over is orthogonal.
"""

from dataclasses import dataclass

import numpy as np

from .architecture import Architecture, Node
from .seeds import generator

LAYER = "cells"
SIDE = 24  # the receptive field of VGG's conv3_1, so that cells and real units compare
FREQUENCY = 0.125  # cycles per pixel of all gratings: three cycles across the field
# Standard deviation of envelopes, in pixels: wide enough that the even contrast of a texture under
# the mask of its crops suits the complex cell (cosine 0.98 between envelope and mask).
SIGMA = 5.5
CURVATURE = 14.0  # radius of the warp-invariant cell's arcs in the middle of the field, in pixels


@dataclass(frozen=True)
class Cell:
    """A model cell: its class of invariance, how it pools, and over which templates.

    Attributes
    ----------
    truth : str
    pool : {'max', 'norm'}
    templates : numpy.ndarray, (template, channel, y, x)
    positions : numpy.ndarray, (template, parameter)
        Where each template lies along what the cell is invariant to, in `unit`s.
    unit : str
    """

    truth: str
    pool: str
    templates: np.ndarray
    positions: np.ndarray
    unit: str


def _grid():
    half = (SIDE - 1) / 2
    return np.meshgrid(np.arange(SIDE) - half, np.arange(SIDE) - half, indexing="ij")


def gabor(phase=0.0, orientation=0.0, sigma=SIGMA, centre=(0.0, 0.0)):
    """Unit-norm grey Gabor template, (channel, y, x).

    Parameters
    ----------
    phase, orientation : float
        In radians; orientation is that of the stripes, 0 being vertical.
    sigma : float
        Standard deviation of the envelope, in pixels.
    centre : (float, float)
        Vertical and horizontal offset from the middle, in pixels.
    """
    y, x = _grid()
    y, x = y - centre[0], x - centre[1]
    along = x * np.cos(orientation) + y * np.sin(orientation)
    envelope = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    return _unit(envelope * np.cos(2 * np.pi * FREQUENCY * along + phase))


def _unit(pattern):
    template = np.stack([pattern] * 3)
    return template / np.linalg.norm(template)


def _curved(dy=0.0, dx=0.0):
    """Curved plaid, read at positions displaced by (dy, dx) pixels, (channel, y, x).

    Grey arcs around a point above the field, crossed by red-green rays from it.
    """
    y, x = _grid()
    envelope = np.exp(-(y**2 + x**2) / (2 * SIGMA**2))
    y, x = y + dy + CURVATURE, x + dx
    grey, red_green = np.array([1, 1, 1]) / 3**0.5, np.array([1, -1, 0]) / 2**0.5
    cycles = 2 * np.pi * FREQUENCY
    arcs = np.cos(cycles * (np.hypot(y, x) - CURVATURE))
    rays = np.cos(cycles * CURVATURE * np.arctan2(x, y))
    return np.einsum("c,yx->cyx", grey, envelope * arcs) + np.einsum(
        "c,yx->cyx", red_green, envelope * rays
    )


def _orthogonal_pair():
    """Even and odd Gabor of the same place, made exactly orthonormal."""
    even, odd = gabor(0.0), gabor(np.pi / 2)
    odd = odd - (odd * even).sum() * even
    return np.stack([even, odd / np.linalg.norm(odd)])


def _shifted():
    """A small Gabor at every whole-pixel position that keeps it within the field."""
    shifts = np.arange(-5, 6)
    centres = np.stack(np.meshgrid(shifts, shifts, indexing="ij"), -1).reshape(-1, 2)
    return np.stack([gabor(0.0, sigma=3.2, centre=c) for c in centres]), centres


def _warped(bends):
    """The curved plaid with its arcs and its rays bent, each by some of `bends` pixels.

    A bend moves what lies on an axis one way and what lies beside it the other way, and nothing on
    average over the envelope's power: no translation and no affine map does the same. None folds.
    """
    wave = np.cos(2 * np.pi * np.stack(_grid()) / SIDE)
    power = np.exp(-(np.hypot(*_grid()) ** 2) / SIGMA**2)
    down, across = (wave * power).sum((1, 2), keepdims=True) / power.sum() - wave
    amounts = np.stack(np.meshgrid(bends, bends, indexing="ij"), -1).reshape(-1, 2)
    templates = [_curved(arcs * across, rays * down) for arcs, rays in amounts]
    return np.stack([t / np.linalg.norm(t) for t in templates]), amounts


def _linear():
    """A smooth random pattern in colour, of one octave around `FREQUENCY`."""
    noise = generator("cells", "linear").standard_normal((3, SIDE, SIDE))
    frequency = np.fft.fftfreq(SIDE)
    radius = np.hypot(*np.meshgrid(frequency, frequency))
    band = np.exp(-0.5 * ((radius - FREQUENCY) / (FREQUENCY / 4)) ** 2)
    y, x = _grid()
    pattern = np.fft.ifft2(np.fft.fft2(noise) * band).real * np.exp(-(x**2 + y**2) / 98)
    return pattern / np.linalg.norm(pattern)


def ground_truth():
    """The model cells, in the order of their channels.

    Returns
    -------
    list of Cell
    """
    orientations = np.arange(32) * np.pi / 32
    shifted, centres = _shifted()
    warped, bends = _warped(np.linspace(-2, 2, 11))
    none, phase = np.zeros((1, 1)), "phase (degrees)"
    return [
        Cell("simple", "max", gabor()[None], none, phase),
        Cell("complex", "norm", _orthogonal_pair(), np.array([[0.0], [90.0]]), phase),
        Cell(
            "orientation_invariant",
            "max",
            np.stack([gabor(orientation=o) for o in orientations]),
            np.rad2deg(orientations)[:, None],
            "orientation (degrees)",
        ),
        Cell("polarity_invariant", "norm", gabor(np.pi / 2)[None], none, phase),
        Cell("shift_invariant", "max", shifted, centres, "position (pixels from the middle)"),
        Cell("warp_invariant", "max", warped, bends, "bend of arcs and rays (pixels)"),
        Cell("linear", "max", _linear()[None], none, phase),
    ]


def architecture():
    """The cells as an architecture of one layer, with its parameters.

    Returns
    -------
    Architecture
    dict of str to numpy.ndarray
    """
    cells = ground_truth()
    templates = np.concatenate([cell.templates for cell in cells])
    window = dict(kernel=[SIDE, SIDE], stride=[1, 1], padding=[0, 0], dilation=[1, 1])
    nodes = (
        Node("stimulus", "input"),
        Node(
            "projection",
            "conv",
            ("stimulus",),
            dict(
                window=window,
                groups=1,
                channels=len(templates),
                parameters={"weight": "templates"},
            ),
        ),
        Node(
            LAYER,
            "pool_templates",
            ("projection",),
            dict(
                pools=[[c.pool, len(c.templates)] for c in cells],
                channels=len(cells),
                truth=[c.truth for c in cells],
            ),
        ),
    )
    return Architecture(nodes, {LAYER: LAYER}), {"templates": templates.astype(np.float32)}


def quadrature(template):
    """The template with every Fourier component shifted by 90 degrees, of norm 1.

    The half plane to the right of the vertical axis is shifted one way, the other half the other
    way, so the result is real. For a grating across that axis it is the other half of the pair.
    """
    spectrum = np.fft.fft2(template)
    sign = np.sign(np.fft.fftfreq(SIDE))[None, None, :]
    shifted = np.fft.ifft2(-1j * sign * spectrum).real
    return shifted / np.linalg.norm(shifted)


def phases(cell, stimuli):
    """Phase of each stimulus in the plane of a cell's first template and its quadrature.

    Parameters
    ----------
    cell : Cell
    stimuli : numpy.ndarray, (image, channel, y, x)

    Returns
    -------
    numpy.ndarray, (image,)
        Degrees, -180..180; 0 where the stimulus is in phase with the template.
    """
    pair = np.stack([cell.templates[0], quadrature(cell.templates[0])])
    in_phase, across = np.einsum("tcyx,icyx->ti", pair, stimuli)
    return np.rad2deg(np.arctan2(-across, in_phase))  # cos(kx + p) = cos p cos kx - sin p sin kx


def winners(cell, stimuli):
    """Where the template lies that each stimulus drives most.

    Returns
    -------
    numpy.ndarray, (image,) or (image, 2)
        In the cell's `unit`.
    """
    projections = np.einsum("tcyx,icyx->it", cell.templates, stimuli)
    found = cell.positions[projections.argmax(1)]
    return found[:, 0] if found.shape[1] == 1 else found
