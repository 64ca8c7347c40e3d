"""Path test: the response while a stimulus is warped, bit by bit, into another of the unit, or its
negative: warps are fitted whatever the sign of the contrast.

The path of a warp is its flow, exp(t v) for t from 0 to 1. It is held against control warps, which
were fitted for other units of the layer, and against the pixel blend of the two stimuli.
"""

import torch

from .observer import at_once, evaluate
from .spectrum import length
from .warp import PIXELS, displacement, unfolded, upsample, warp

PLACES = 11  # along a path, its start and end among them
MATCHES = "displacement", "change"  # how controls are brought to the size of the unit's own warps
SCALINGS = 4  # of a control, until it moves as far as it should
HALVINGS = 12  # of the interval that holds the strength at which it changes as much as it should


def times(device="cpu"):
    """Places along a path, 0 to 1."""
    return torch.linspace(0, 1, PLACES, device=device)


def at_norm(stimuli, norm):
    """Stimuli brought to a norm; those without any contrast stay as they are."""
    size = length(stimuli)
    return stimuli * torch.where(size > 0, norm / size, 1)


def warp_path(sources, velocities, norm):
    """Stimuli along the flows of velocities.

    Parameters
    ----------
    sources : torch.Tensor, (pair, channel, y, x)
    velocities : torch.Tensor, (pair, 2, y, x)
    norm : float
        Of every stimulus on the path.

    Returns
    -------
    torch.Tensor, (pair, PLACES, channel, y, x)
    """
    fine = upsample(sources)
    steps = [warp(fine, displacement(t * velocities)) for t in times(sources.device)]
    return at_norm(torch.stack(steps, 1), norm)


def blend_path(sources, targets, norm):
    """Stimuli along the straight line from sources to targets, brought to the norm."""
    t = times(sources.device)[:, None, None, None]
    return at_norm((1 - t) * sources[:, None] + t * targets[:, None], norm)


def root_mean_square(moved):
    """Root-mean-square length of each displacement field (..., 2, y, x), in pixels."""
    return moved.square().sum(-3).mean((-2, -1)).sqrt()


def change(fine, moved, sources):
    """L2 norm of what each warp changes of its source."""
    return length(warp(fine, moved) - sources)[:, 0, 0, 0]


def match(velocities, sources, moved):
    """Bring control warps to the size of other warps of the same stimuli, in two ways.

    By displacement, a control moves as far as the other warp, in root mean square. By change, it is
    then made weaker where it changes the stimulus more than the other does, in L2 norm, until it
    changes it as much. Without the latter, units would seem invariant to their own warps whose
    stimuli hardly differ where they look, as a simple cell's.

    Parameters
    ----------
    velocities : torch.Tensor, (pair, 2, y, x)
        Of the controls.
    sources : torch.Tensor, (pair, channel, y, x)
    moved : torch.Tensor, (pair, 2, y, x)
        Displacements of the warps to match.

    Returns
    -------
    torch.Tensor, (2, pair, 2, y, x)
        Velocities of the controls, by `MATCHES`, which fold nowhere.
    """
    fine = upsample(sources)
    far, much = root_mean_square(moved), change(fine, moved, sources)

    def scaled(strength):
        return strength[:, None, None, None] * velocities

    strength = far / root_mean_square(velocities).clamp(min=1e-6)
    for _ in range(SCALINGS):  # the length of a flow is nearly proportional to that of its velocity
        now = root_mean_square(displacement(scaled(strength)))
        strength = strength * (far / now.clamp(min=1e-6)).clamp(0.5, 2)
    weaker, stronger = torch.zeros_like(strength), strength
    mild = change(fine, displacement(scaled(strength)), sources) <= much
    for _ in range(HALVINGS):
        middle = (weaker + stronger) / 2
        over = change(fine, displacement(scaled(middle)), sources) > much
        weaker, stronger = torch.where(over, weaker, middle), torch.where(over, middle, stronger)
    strengths = strength, torch.where(mild, strength, weaker)
    return torch.stack([unfolded(scaled(each))[0] for each in strengths])


def half_pixel_and_back(stimuli, norm):
    """Stimuli moved by half a pixel along both axes and back: what sampling alone costs, twice.

    Parameters
    ----------
    stimuli : torch.Tensor, (stimulus, channel, y, x)
    norm : float

    Returns
    -------
    torch.Tensor, (stimulus, channel, y, x)
    """
    moved = stimuli.new_full((len(stimuli), 2, *stimuli.shape[-2:]), 0.5)
    there = warp(upsample(stimuli), moved)
    return at_norm(warp(upsample(there), -moved), norm)


def responses(observe, stimuli, pairs, fits, norm):
    """Responses of a block of units along all paths.

    Parameters
    ----------
    observe : function
        As made by `observer.observer`.
    stimuli : torch.Tensor, (unit, image, channel, y, x)
    pairs : integer array, (pair, 2)
        Source and target of each unit's warps.
    fits : dict of str to torch.Tensor
        'velocity' and 'displacement' (unit, pair, 2, y, x) of the units' own warps,
        'control_velocity' (unit, pair, control, 2, y, x) of controls as fitted.
    norm : float

    Returns
    -------
    dict of str to torch.Tensor
        All before the ReLU. 'own' and 'blend' (unit, pair, PLACES); 'control_response' (match,
        unit, pair, control, PLACES), by `MATCHES`; 'itself' (unit, image) to the stimuli, and
        'interpolated' to the stimuli moved by half a pixel and back.
    """
    count, size = len(stimuli), len(pairs)
    sources, targets = (stimuli[:, end].flatten(0, 1) for end in pairs.T)
    seen = evaluate(observe, at_norm(stimuli, norm))
    starts, ends = (seen[:, end].flatten() for end in pairs.T)
    units = torch.arange(count, device=stimuli.device).repeat_interleave(size)
    moved, velocities = fits["displacement"].flatten(0, 1), fits["velocity"].flatten(0, 1)
    control_velocities = fits["control_velocity"].flatten(0, 1)

    def along(rows, velocities):
        path = warp_path(sources[rows], velocities, norm)[:, 1:]
        return torch.cat([starts[rows, None], evaluate(observe, path, units[rows])], 1)

    def along_control(rows, velocities):
        far, mild = match(velocities, sources[rows], moved[rows])
        seen = along(rows, far)
        # Many change no more than the own warp as they are: the same by both.
        weaker = (far != mild).flatten(1).any(1).nonzero()[:, 0]
        both = torch.stack([seen, seen])
        if len(weaker):
            both[1, weaker] = along(rows[weaker], mild[weaker])
        return both

    own, controls, blend = [], [], []
    at = torch.arange(len(sources), device=stimuli.device)
    for rows in at.split(at_once(1, stimuli.shape[-1], stimuli.device, PIXELS)):
        own.append(along(rows, velocities[rows]))
        found = [along_control(rows, each) for each in control_velocities[rows].unbind(1)]
        controls.append(torch.stack(found, 2))
        between = blend_path(sources[rows], targets[rows], norm)[:, 1:-1]
        seen = evaluate(observe, between, units[rows])
        blend.append(torch.cat([starts[rows, None], seen, ends[rows, None]], 1))
    shaken = half_pixel_and_back(stimuli.flatten(0, 1), norm).view_as(stimuli)
    return {
        "own": torch.cat(own).unflatten(0, (count, size)),
        "control_response": torch.cat(controls, 1).unflatten(1, (count, size)),
        "blend": torch.cat(blend).unflatten(0, (count, size)),
        "itself": evaluate(observe, stimuli),
        "interpolated": evaluate(observe, shaken),
    }
