"""How units see stimuli: their responses and features, in units of natural means."""

import torch

# Pixels of stimuli to see at once: as many as memory has room for, so that kernels are read seldom
# on a CPU, and a GPU is busy.
PIXELS = {"cpu": 2**19, "cuda": 2**23}


def observer(trunk, layer, channels, scale, features=None, feature_scale=None):
    """How the units of one layer see stimuli.

    Parameters
    ----------
    trunk : Trunk
    layer : str
    channels : sequence of int
        The units.
    scale : array, (channels of layer,)
        What responses are divided by, see `natural.normalisers`.
    features : str, optional
        Layer whose values after the ReLU are compared between stimuli; pixels if not given.
    feature_scale : array, (channels of features,), optional

    Returns
    -------
    function of (stimuli (unit, image, 3, y, x), units (unit,))
        `units` are positions in `channels`. Gives responses (unit, image) and features (unit,
        image, feature), channels running fastest.
    """
    device = trunk.device
    channels = torch.as_tensor(channels, device=device)
    scale = torch.as_tensor(scale, dtype=torch.float32, device=device)
    if features is not None:
        feature_scale = torch.as_tensor(feature_scale, dtype=torch.float32, device=device)

    def observe(stimuli, units):
        shape = stimuli.shape[:2]
        record = () if features is None else (features,)
        seen = channels[units]
        value, recorded = trunk.run(stimuli.flatten(0, 1), layer, record=record, channels=seen)
        if features is None:
            compared = stimuli.movedim(2, -1)
        else:
            # Channels last, as they lie in memory on the CPU.
            compared = recorded[0].permute(0, 2, 3, 1).relu() / feature_scale
        return value.view(shape) / scale[seen, None], compared.reshape(*shape, -1)

    return observe


def evaluate(observe, stimuli, units=None):
    """Responses of units to stimuli, some at a time so that memory stays bounded.

    Parameters
    ----------
    observe : function
        As made by `observer`.
    stimuli : torch.Tensor, (row, image, 3, y, x)
    units : torch.Tensor of int, (row,), optional
        Who sees each row, as positions among the observer's units; each unit its own if not given.

    Returns
    -------
    torch.Tensor, (row, image)
        Before the ReLU.
    """
    if units is None:
        units = torch.arange(len(stimuli), device=stimuli.device)
    parts = stimuli.split(at_once(len(stimuli), stimuli.shape[-1], stimuli.device), 1)
    with torch.inference_mode():
        return torch.cat([observe(part, units)[0] for part in parts], 1)


def at_once(units, side, device, pixels=PIXELS):
    """How many stimuli of each unit to see at once, at least one, with so many pixels in all."""
    return max(1, pixels[device.type] // (units * side**2))
