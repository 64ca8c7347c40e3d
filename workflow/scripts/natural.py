"""Measure each channel's mean response to natural photos."""

import job

import xarray as xr
from tqdm import tqdm

from invariscope import device, files, natural, photos, weights
from invariscope.trunk import Trunk


def main(input, output, record, threads):
    where = device.prepare(1)
    architecture, parameters = weights.load(input.weights)
    preprocessing = record["preprocessing"]
    trunk = Trunk(architecture, parameters, preprocessing["std"], where)
    shown = photos.read(record["photos"], record["photos_digest"], record["side"])
    with tqdm(total=len(shown), unit="photo", desc="photos") as bar:
        mean = preprocessing["mean"]
        means = natural.channel_means(trunk, shown, mean, bar.update, threads)
    dataset = xr.Dataset(
        {
            layer: (
                f"channel_{layer}",
                mean,
                {"long_name": "mean response after the ReLU over natural photos"},
            )
            for layer, mean in means.items()
        },
        attrs={"network": record["network"], "photos": len(shown), "side": record["side"]},
    )
    files.write_dataset(dataset, output.natural)


job.run(main, snakemake)  # noqa: F821
