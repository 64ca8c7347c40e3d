"""Measure each channel's mean response to natural photos."""

import job

import xarray as xr
from tqdm import tqdm

from invariscope import device, files, natural, weights
from invariscope.trunk import Trunk


def main(input, output, record, threads):
    where = device.prepare(threads)
    architecture, parameters = weights.load(input.weights)
    preprocessing = record["preprocessing"]
    trunk = Trunk(architecture, parameters, preprocessing["std"], where)
    photos = natural.read_photos(record["photos"], record["photo_digests"], record["side"])
    with tqdm(total=len(photos), unit="photo", desc="photos") as bar:
        means = natural.channel_means(trunk, photos, preprocessing["mean"], bar.update)
    dataset = xr.Dataset(
        {
            layer: (
                f"channel_{layer}",
                mean,
                {"long_name": "mean response after the ReLU over natural photos"},
            )
            for layer, mean in means.items()
        },
        attrs={"network": record["network"], "photos": len(photos), "side": record["side"]},
    )
    files.write_dataset(dataset, output.natural)


job.run(main, snakemake)  # noqa: F821
