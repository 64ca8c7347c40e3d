"""What synthesis maximises: high responses and distinct stimuli.

Distances are root-mean-square differences of features between two stimuli of one unit. During
optimisation the hard minimum over pairs, which gives gradient to one pair only, may be replaced by
a soft one.
"""

import math

import torch


def pairwise_distances(features):
    """Root-mean-square feature difference of every pair of stimuli of each unit.

    Parameters
    ----------
    features : torch.Tensor, (unit, image, feature)

    Returns
    -------
    torch.Tensor, (unit, pair)
        Pairs (first, second), first < second, first running slowest.
    """
    squared = (features * features).sum(-1)
    product = features @ features.mT
    difference = squared[:, :, None] + squared[:, None, :] - 2 * product
    first, second = pairs(features.shape[1], features.device)
    mean = difference[:, first, second] / features.shape[-1]
    # Rounding can leave identical stimuli at a small negative number; the root needs a slope.
    return mean.clamp(min=1e-12).sqrt()


def pairs(images, device="cpu"):
    """Indices (first, second) of all pairs of `images` stimuli."""
    return torch.triu_indices(images, images, 1, device=device)


def soft_minimum(distances, temperature):
    """Smooth minimum over pairs, between the minimum and the mean; exact as temperature goes to 0.

    Parameters
    ----------
    distances : torch.Tensor, (unit, pair)
    temperature : float
        As a fraction of each unit's mean distance; 0 gives the hard minimum.

    Returns
    -------
    torch.Tensor, (unit,)
    """
    if temperature == 0:
        return distances.amin(1)
    scale = temperature * distances.detach().mean(1, keepdim=True)
    total = torch.logsumexp(-distances / scale, 1) - math.log(distances.shape[1])
    return -scale[:, 0] * total


def least_distance(features, temperature):
    """Minimal distance over the pairs of each unit's stimuli, softened by `soft_minimum`.

    Parameters
    ----------
    features : torch.Tensor, (unit, image, feature)
    temperature : float

    Returns
    -------
    torch.Tensor, (unit,)
    """
    return soft_minimum(pairwise_distances(features), temperature)


def gram_distances(features, channels):
    """How unlike the Gram matrices of two stimuli are: 1 less their cosine.

    The Gram matrix of a stimulus holds the products of each two channels' features, summed over
    positions. It is what Olah et al. (2017, *Feature visualization*) drive apart for diversity.

    Parameters
    ----------
    features : torch.Tensor, (unit, image, feature)
        Channels run fastest.
    channels : int

    Returns
    -------
    torch.Tensor, (unit, pair)
        0 for Gram matrices that differ at most in scale. Pairs as in `pairwise_distances`.
    """
    maps = features.unflatten(-1, (-1, channels))
    gram = (maps.mT @ maps).flatten(2)
    gram = gram / torch.linalg.vector_norm(gram, dim=-1, keepdim=True).clamp(min=1e-30)
    first, second = pairs(features.shape[1], features.device)
    return 1 - (gram @ gram.mT)[:, first, second]


def gram_diversity(channels):
    """Diversity by Gram matrices, with the signature of `least_distance`: their mean distance."""
    return lambda features, temperature: gram_distances(features, channels).mean(1)


class Penalty:
    """Mean response plus `weight` times the minimal distance (Cadena et al. 2018, eq. 1).

    Parameters
    ----------
    weight : float
        The paper's lambda. With 0, every stimulus is optimised for itself.
    """

    def __init__(self, weight):
        self.weight = weight

    def value(self, response, distance, done):
        """What to climb: from each unit's mean response and (soft) minimal distance.

        Parameters
        ----------
        response, distance : torch.Tensor, (unit,)
        done : float
            Fraction of the steps already taken.
        """
        return response + self.weight * distance

    def score(self, response, distance):
        """What tells whether a unit still improves, from its minimal distance; larger is better."""
        return response + self.weight * distance

    def admits(self, response):
        """Which units may end with these mean responses: all."""
        return torch.ones_like(response, dtype=torch.bool)

    def select(self, kept):
        """Keep only some units."""


class Constrained:
    """Diversity subject to a mean response of at least `fraction` of each unit's a_max.

    The constraint is enforced by an augmented Lagrangian: the weight of the response is a
    multiplier, which integrates how far the response falls short, plus a spring that stiffens as
    the steps shrink. The multiplier waits until the response first gets there, for it would only
    wind up before.

    Parameters
    ----------
    fraction : float or torch.Tensor, (unit,)
    a_max : torch.Tensor, (unit,)
        Units that nothing drives (a_max of 0 or less) have no bound; what they end with means
        nothing.
    """

    spring = 40.0  # weight per relative shortfall at the first step
    stiffening = 20.0  # how many times that is added until the last step
    gain = 0.05  # part of the first spring's pull that the multiplier takes up at each step
    margin = 1.003  # aim this much above the bound, to end on its feasible side
    patience = 0.6  # fraction of the steps after which the multiplier waits no longer

    def __init__(self, fraction, a_max):
        self.fraction = fraction * torch.ones_like(a_max)
        self.a_max = torch.where(a_max > 0, a_max, 1)
        self.multiplier = torch.ones_like(a_max)
        self.reached = torch.zeros_like(a_max, dtype=torch.bool)

    def value(self, response, distance, done):
        """What to climb, see `Penalty.value`. Advances the multiplier: call once a step."""
        relative = response / self.a_max
        short = self.margin * self.fraction - relative.detach()
        spring = self.spring * (1 + self.stiffening * done)
        weight = (self.multiplier + spring * short).clamp(min=0)
        self.reached |= (short <= 0) | (done >= self.patience)
        moved = (self.multiplier + self.gain * self.spring * short).clamp(min=0)
        self.multiplier = torch.where(self.reached, moved, self.multiplier)
        return weight * relative + distance / distance.detach().clamp(min=1e-6)

    def score(self, response, distance):
        """Minimal distance where the constraint holds; below zero where it does not."""
        relative = response / self.a_max - self.fraction
        return torch.where(relative >= 0, distance, relative)

    def admits(self, response):
        """Which units may end with these mean responses: those that meet the bound."""
        return response >= self.fraction * self.a_max

    def select(self, kept):
        """Keep only some units."""
        self.fraction = self.fraction[kept]
        self.a_max = self.a_max[kept]
        self.multiplier = self.multiplier[kept]
        self.reached = self.reached[kept]
