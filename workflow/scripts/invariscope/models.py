"""Network architectures by name: torchvision's, and those that it lacks."""

import sys
import warnings
from types import ModuleType

from .errors import UserError, choices

OWN = ("efficientnet_lite0",)


def torchvision():
    """The package torchvision, without PyTorch's compiler.

    It imports that, which takes seconds, for one question, of whether a device can be compiled for.
    Nothing is compiled here: while it is imported, a stand-in lies in the compiler's place.
    """
    name = "torch._dynamo"
    stand_ins = {name: ModuleType(name), f"{name}.utils": ModuleType(f"{name}.utils")}
    stand_ins[f"{name}.utils"].is_compile_supported = lambda device: False
    if name in sys.modules or "torchvision" in sys.modules:
        stand_ins = {}
    sys.modules.update(stand_ins)
    try:
        import torchvision
    finally:
        for name in stand_ins:
            del sys.modules[name]
    return torchvision


def build(name):
    """The module of architecture `name`, untrained, in evaluation mode.

    It lies on torch's default device, and is drawn from torch's random state.

    Raises
    ------
    UserError
        If there is no such architecture.
    """
    if name in OWN:
        from .efficientnet_lite import EfficientNetLite0

        return EfficientNetLite0().eval()
    those = torchvision().models
    known = those.list_models(module=those)
    if name not in known:
        raise UserError(
            f"architecture '{name}' is unknown to torchvision; it has: {choices(known, name)}; "
            f"besides there is: {choices(OWN)}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's own words on initialisation
        return those.get_model(name, weights=None).eval()


def outline(name):
    """As `build`, on the device "meta": shapes without values."""
    import torch
    from torch.nn import init
    from torch.overrides import TorchFunctionMode

    drawing = torch.Tensor.normal_, torch.Tensor.uniform_, init.normal_, init.uniform_
    drawing += (init.kaiming_uniform_,)

    class Undrawn(TorchFunctionMode):
        """Draws no numbers where none are kept, for which PyTorch imports packages for seconds."""

        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            if function in drawing:
                return kwargs["tensor"] if "tensor" in kwargs else args[0]
            return function(*args, **kwargs)

    with torch.device("meta"), Undrawn():
        return build(name)


def shapes(name):
    """Shape of every parameter and buffer of architecture `name`, but for counts of batches.

    Returns
    -------
    dict of str to tuple of int
    """
    state = outline(name).state_dict()
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

    if name in OWN:
        raise UserError(f"weights.torchvision: torchvision has no weights of '{name}'")
    enum = torchvision().models.get_model_weights(name)
    if member not in enum.__members__:
        raise UserError(
            f"weights.torchvision: torchvision has no weights '{member}' of '{name}'; "
            f"it has: {choices(enum.__members__, member)}"
        )
    address = enum[member].url
    digits = torch.hub.HASH_REGEX.search(address.rsplit("/", 1)[1])
    return address, digits[1] if digits else ""
