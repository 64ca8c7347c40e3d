"""Natural image statistics: photos, channel means, and the norm of a stimulus."""

from pathlib import Path

import numpy as np

from .digest import check_digest
from .errors import UserError
from .receptive_field import channels, input_interval, stride

# Photos of scenes, objects and animals that installed packages carry.
PACKAGED = {
    "skimage": ("astronaut", "chelsea", "coffee", "motorcycle_left", "rocket"),
    "sklearn": ("china", "flower"),
}
SUFFIXES = (".jpeg", ".jpg", ".png")

# Mean L2 norm of a natural patch (ImageNet, mean subtracted) by side, from the authors' code.
NORM_TABLE = {
    3: 321.44,
    5: 538.35,
    10: 1086.86,
    14: 1531.58,
    24: 2651.66,
    32: 3553.22,
    40: 4453.84,
    48: 5362.63,
    68: 7637.38,
    84: 9473.19,
    100: 11285.79,
    116: 13161.68,
    156: 17780.20,
    188: 21605.78,
    220: 25507.56,
    252: 29358.54,
}


def stimulus_norm(side):
    """L2 norm of a stimulus of `side` pixels: half the mean norm of a natural patch.

    Tabled sides give the authors' numbers; between them the root mean square per pixel and channel
    is linear in log(side), and constant beyond the table's ends.

    Parameters
    ----------
    side : int
        In pixels.

    Returns
    -------
    float
        In 8-bit units.
    """
    sides = np.array(list(NORM_TABLE))
    rms = np.array(list(NORM_TABLE.values())) / np.sqrt(3 * sides**2)
    return float(np.interp(np.log(side), np.log(sides), rms) * np.sqrt(3) * side / 2)


def photo_paths(folder):
    """Paths of the photos: all in a folder, or those that installed packages carry.

    Parameters
    ----------
    folder : str
        'packaged' for the latter.

    Returns
    -------
    list of Path

    Raises
    ------
    UserError
        If the folder is missing or holds no photo.
    """
    if folder != "packaged":
        try:
            files = sorted(Path(folder).iterdir())
        except (OSError, ValueError):  # the latter if no folder can have this name
            files = []
        found = [path for path in files if path.suffix.lower() in SUFFIXES]
        if not found:
            raise UserError(
                f"natural.photos: folder '{folder}' holds no {', '.join(SUFFIXES)} file"
            )
        return found
    from importlib.util import find_spec

    # Found without importing the packages, which takes seconds.
    folders = {"skimage": "data", "sklearn": "datasets/images"}
    paths = []
    for package, names in PACKAGED.items():
        root = Path(find_spec(package).origin).parent / folders[package]
        paths += [next(root.glob(f"{name}.*")) for name in names]
    return paths


def photo_digests(folder):
    """SHA-256 of each photo of `photo_paths`."""
    paths = photo_paths(folder)
    for path in paths:
        if not path.is_file():  # to read a pipe would take for ever
            raise UserError(f"photo {path}: not a file, or a link to none")
    return [check_digest(path, "", f"photo {path}") for path in paths]


def read_photos(folder, digests, side):
    """All photos of `photo_paths`, as `read_photo` gives them.

    Raises
    ------
    UserError
        Also if one has not the SHA-256 that it had when the run was planned.
    """
    paths = photo_paths(folder)
    for path, digest in zip(paths, digests, strict=True):
        check_digest(path, digest, f"photo {path}")
    return [read_photo(path, side) for path in paths]


def read_photo(path, side):
    """One photo, shrunk so that its shorter side is `side` pixels.

    Returns
    -------
    numpy.ndarray, (channel, y, x)
        8-bit units, 0..255.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode == "I;16":  # Pillow would cut its values off at 255
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            image = image.convert("RGB")
    except Exception as error:  # Pillow raises many kinds on a file that is broken, or too large
        raise UserError(f"photo {path}: not a readable image ({error})") from None
    if min(image.size) > side:
        scale = side / min(image.size)
        size = [round(length * scale) for length in image.size]
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32).transpose(2, 0, 1)


def channel_means(trunk, photos, mean, progress=None):
    """Mean of each channel after its ReLU over natural photos, for every layer of a trunk.

    Dividing a layer by these gives the normalised network of Gatys et al. (2015): rescaling one
    layer's channels and compensating in the next changes no function but by those scales.

    Parameters
    ----------
    trunk : Trunk
    photos : iterable of numpy.ndarray, (channel, y, x)
        8-bit units.
    mean : sequence of 3 floats
        The dataset's mean, as a fraction of 255.
    progress : function of no argument, optional
        Called after each photo.

    Returns
    -------
    dict of str to numpy.ndarray, (channels,)
        Over all positions that see no border.
    """
    import torch

    architecture = trunk.architecture
    offset = 255 * np.array(mean, np.float32)[:, None, None]
    runs = _runs(architecture)
    sums = {layer: np.zeros(channels(architecture, layer)) for layer in architecture.layers}
    counts = dict.fromkeys(architecture.layers, 0)
    with torch.inference_mode():
        for photo in photos:
            for top, layers in runs.items():
                size, crop = fitting(architecture, top, photo)
                stimulus = torch.from_numpy(crop - offset)[None].to(trunk.device)
                _, recorded = trunk.run(stimulus, top, size, record=layers)
                for layer, value in zip(layers, recorded, strict=True):
                    sums[layer] += value.relu().double().sum((0, 2, 3)).cpu().numpy()
                    counts[layer] += value[0, 0].numel()
            if progress is not None:
                progress()
    means = {layer: sums[layer] / counts[layer] for layer in sums}
    for layer, mean in means.items():
        if not np.isfinite(mean).all():
            raise UserError(f"layer '{layer}': responses to photos are not finite; check weights")
    return means


def _runs(architecture):
    """Layers that no other lies above, each with the layers to read on the way to it."""
    below = {layer: architecture.below(layer) for layer in architecture.layers}
    runs, read = {}, set()
    for top in sorted(below, key=lambda layer: len(below[layer]), reverse=True):
        if top not in read:
            runs[top] = [
                layer
                for layer, node in architecture.layers.items()
                if node in below[top] and layer not in read
            ]
            read.update(runs[top])
    return runs


def fitting(architecture, layer, photo):
    """Most outputs of `layer` that fit a photo, and the central part of it that they see.

    Parameters
    ----------
    architecture : Architecture
    layer : str
    photo : numpy.ndarray, (channel, y, x)

    Returns
    -------
    size : (int, int)
        Outputs, vertically and horizontally.
    numpy.ndarray, (channel, y, x)
    """
    sizes, slices = [], [slice(None)]
    for axis, length in enumerate(photo.shape[1:]):
        first, last = input_interval(architecture, layer, 1, axis)
        field = last - first + 1
        step = stride(architecture, layer, axis)
        size = (length - field) // step + 1
        if size < 1:
            raise UserError(f"photos: layer '{layer}' needs at least {field} pixels a side")
        seen = field + (size - 1) * step
        start = (length - seen) // 2
        sizes.append(size)
        slices.append(slice(start, start + seen))
    return tuple(sizes), photo[tuple(slices)]


def normalisers(means):
    """What each channel's response is divided by in the normalised network.

    Its mean over natural photos, but no less than a hundredth of the layer's median: a channel that
    photos hardly ever drive would otherwise outweigh all others in every distance. Where no more
    than half of the channels are driven, the mean, or 1 where that is 0.

    Parameters
    ----------
    means : numpy.ndarray, (channels,)
        From `channel_means`.

    Returns
    -------
    numpy.ndarray, (channels,)
    """
    floor = 0.01 * np.median(means)
    return np.maximum(means, floor) if floor > 0 else np.where(means > 0, means, 1.0)
