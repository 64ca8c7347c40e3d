"""Natural image statistics: photos, channel means, and the norm of a stimulus."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from .errors import UserError
from .receptive_field import input_interval, stride

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


def channel_means(trunk, photos, mean, progress=None, threads=1):
    """Mean of each channel after its ReLU over natural photos, for every layer of a trunk.

    Dividing a layer by these gives the normalised network of Gatys et al. (2015): rescaling one
    layer's channels and compensating in the next changes no function but by those scales.

    Parameters
    ----------
    trunk : Trunk
    photos : sequence of numpy.ndarray, (channel, y, x)
        8-bit units.
    mean : sequence of 3 floats
        The dataset's mean, as a fraction of 255.
    progress : function of no argument, optional
        Called after each photo.
    threads : int
        How many photos are looked at side by side. The means do not depend on that.

    Returns
    -------
    dict of str to numpy.ndarray, (channels,)
        Over all positions that see no border.
    """
    runs = _runs(trunk.architecture)
    sums, counts = {}, {}
    for found in _side_by_side(lambda i: _sums(trunk, runs, photos[i], mean), len(photos), threads):
        for layer, (total, count) in found.items():
            sums[layer] = sums.get(layer, 0) + total
            counts[layer] = counts.get(layer, 0) + count
        if progress is not None:
            progress()
    means = {layer: sums[layer] / counts[layer] for layer in trunk.architecture.layers}
    for layer, value in means.items():
        if not np.isfinite(value).all():
            raise UserError(f"layer '{layer}': responses to photos are not finite; check weights")
    return means


def _sums(trunk, runs, photo, mean):
    """Of each layer the sum of each channel after its ReLU over one photo, and of how many."""
    import torch

    offset = 255 * np.array(mean, np.float32)[:, None, None]
    found = {}
    with torch.inference_mode():
        for top, layers in runs.items():
            size, crop = fitting(trunk.architecture, top, photo)
            stimulus = torch.from_numpy(crop - offset)[None].to(trunk.device)
            _, recorded = trunk.run(stimulus, top, size, record=layers)
            for layer, value in zip(layers, recorded, strict=True):
                total = value.relu().double().sum((0, 2, 3)).cpu().numpy()
                found[layer] = total, value[0, 0].numel()
    return found


def _side_by_side(function, count, threads):
    """What `function` gives for 0, 1, ..., count - 1, in this order; few wait at any time."""
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque()
        for index in range(count):
            waiting.append(pool.submit(function, index))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


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
