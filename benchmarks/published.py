"""The published algorithm, written plainly on torchvision's modules; nothing of our engine is used.

Cadena et al. (2018): one unit at a time, the hard minimum over pairs, Adam with step 1 on the
unnormalised images, the gradient filtered where it comes out of the network, patience 100.
"""

import math

import torch
import torchvision

CONVOLUTIONS = {"conv1_1": 0, "conv1_2": 2, "conv2_1": 5, "conv2_2": 7, "conv3_1": 10}


class Network(torch.nn.Module):
    """VGG-16 up to conv3_1, its channels scaled to a mean of 1 over natural photos.

    Parameters
    ----------
    parameters : dict of str to torch.Tensor
        Under torchvision's names.
    scales : dict of str to array, (channels,)
        Mean of each channel of each layer.
    std : sequence of 3 floats
    """

    def __init__(self, parameters, scales, std):
        super().__init__()
        with torch.device("meta"):
            layers = torchvision.models.vgg16(weights=None).features[:11]
        self.layers = layers.to_empty(device="cpu").requires_grad_(False).eval()
        self.register_buffer("std", 255 * torch.tensor(std)[:, None, None])
        below = torch.ones(3)
        for name, index in CONVOLUTIONS.items():
            convolution = self.layers[index]
            # A stimulus is as large as the receptive field: without padding, one output is left.
            convolution.padding = (0, 0)
            scale = torch.as_tensor(scales[name], dtype=torch.float32)
            weight, bias = (parameters[f"features.{index}.{kind}"] for kind in ("weight", "bias"))
            convolution.weight.copy_(weight * below[:, None, None] / scale[:, None, None, None])
            convolution.bias.copy_(bias / scale)
            below = scale

    def forward(self, stimuli):
        """Responses (image, channel), before the ReLU, and features (image, feature)."""
        compared = self.layers[:9](stimuli / self.std)
        return self.layers[9:](compared).flatten(1), compared.flatten(1)


def filtered(gradient):
    """The gradient with the amplitude of its high frequencies lowered, as the authors have it."""
    side = gradient.shape[-1]
    k = torch.fft.fftfreq(side, 1 / side)
    factor = 1 / torch.sqrt(torch.hypot(k[:, None], k[None, :])).clamp(min=1)
    return torch.fft.ifft2(torch.fft.fft2(gradient) * factor / factor.mean()).real


def on_the_sphere(raw, norm):
    """Stimuli of one norm from raw ones, (image, 3, y, x); filters the gradient on its way back."""
    stimuli = norm * raw / torch.linalg.vector_norm(raw, dim=(1, 2, 3), keepdim=True)
    if stimuli.requires_grad:
        stimuli.register_hook(filtered)
    return stimuli


def objective(responses, features, units, weight):
    """Mean response plus `weight` times the minimal distance, for each unit.

    Parameters
    ----------
    responses : torch.Tensor, (image, channel)
        Of all units' images, unit by unit.
    features : torch.Tensor, (image, feature)
    units : list of int
        Channels.
    weight : float
        The paper's lambda.

    Returns
    -------
    torch.Tensor, (unit,)
    """
    rows = torch.arange(len(units))
    responses = responses.unflatten(0, (len(units), -1))[rows, :, units]
    features = features.unflatten(0, (len(units), -1))
    first, second = torch.triu_indices(features.shape[1], features.shape[1], 1)
    distances = (features[:, first] - features[:, second]).square().mean(2).sqrt()
    return responses.mean(1) + weight * distances.amin(1)


def climb(network, raw, units, norm, weight, steps, patience):
    """Optimise images as the authors do.

    Parameters
    ----------
    network : Network
    raw : torch.Tensor, (image, 3, y, x)
        Where to start.
    units : list of int
        One, as the authors have it; several share the loop, but stop together.
    norm, weight : float
    steps : int
        At most.
    patience : int
        Steps without a new minimum of the loss's running average after which it stops.

    Returns
    -------
    stimuli : torch.Tensor, (image, 3, y, x)
        The last.
    values : list of float
        The objective at every step, summed over units.
    """
    raw = raw.clone().requires_grad_()
    adam = torch.optim.Adam([raw], lr=1.0)
    values, average, lowest, waited = [], None, math.inf, 0
    for _ in range(steps):
        stimuli = on_the_sphere(raw, norm)
        loss = -objective(*network(stimuli), units, weight).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        values.append(-loss.item())
        average = loss.item() if average is None else 0.9 * average + 0.1 * loss.item()
        lowest, waited = (average, 0) if average < lowest else (lowest, waited + 1)
        if waited > patience:
            break
    return stimuli.detach(), values
