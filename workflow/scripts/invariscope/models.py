"""Network architectures by name: torchvision's, and those that it lacks."""

import warnings

from .errors import UserError, choices

OWN = ("efficientnet_lite0",)


def build(name):
    """The module of architecture `name`, untrained, in evaluation mode.

    It lies on torch's default device, and is drawn from torch's random state.

    Raises
    ------
    UserError
        If there is no such architecture.
    """
    import torchvision

    if name in OWN:
        from .efficientnet_lite import EfficientNetLite0

        return EfficientNetLite0().eval()
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise UserError(
            f"architecture '{name}' is unknown to torchvision; it has: {choices(known, name)}; "
            f"besides there is: {choices(OWN)}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's own words on initialisation
        return torchvision.models.get_model(name, weights=None).eval()


def shapes(name):
    """Shape of every parameter and buffer of architecture `name`, but for counts of batches.

    Returns
    -------
    dict of str to tuple of int
    """
    import torch

    with torch.device("meta"):
        state = build(name).state_dict()
    counter = "num_batches_tracked"  # of training; files of old versions lack it
    return {key: tuple(value.shape) for key, value in state.items() if not key.endswith(counter)}


def published(name, member):
    """Address and SHA-256 of weights that torchvision publishes, as far as it says that.

    Parameters
    ----------
    name : str
        Of the architecture.
    member : str
        Of its weight enum, such as 'IMAGENET1K_V1'.

    Returns
    -------
    address : str
    digest : str
        The first digits of the SHA-256, from the file's name as `torch.hub` reads it; empty if the
        name has none.

    Raises
    ------
    UserError
        If there are no such weights.
    """
    import torch
    import torchvision

    if name in OWN:
        raise UserError(f"weights.torchvision: torchvision has no weights of '{name}'")
    enum = torchvision.models.get_model_weights(name)
    if member not in enum.__members__:
        raise UserError(
            f"weights.torchvision: torchvision has no weights '{member}' of '{name}'; "
            f"it has: {choices(enum.__members__, member)}"
        )
    address = enum[member].url
    digits = torch.hub.HASH_REGEX.search(address.rsplit("/", 1)[1])
    return address, digits[1] if digits else ""
