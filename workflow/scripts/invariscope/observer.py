"""How units see stimuli: their responses and features, in units of natural means."""

import torch

# Pixels of stimuli to see at once: enough that kernels are read seldom on a CPU, where each takes
# a KiB, and that a GPU is busy.
PIXELS = {"cpu": 2**19, "cuda": 2**23}
ROOM = 2**14  # bytes of a GPU's memory for each of them, at least


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


def at_once(rows, side, device, pixels=PIXELS):
    """How many stimuli of each of some rows to see at once, or how many such rows of stimuli.

    Parameters
    ----------
    rows : int
    side : int
        Of a stimulus, in pixels.
    device : torch.device
    pixels : dict of str to int
        How many in all, by the type of device; fewer on a GPU of little memory.

    Returns
    -------
    int
        At least 1.
    """
    limit = pixels[device.type]
    if device.type == "cuda":
        limit = min(limit, torch.cuda.get_device_properties(device).total_memory // ROOM)
    return max(1, limit // (rows * side**2))
