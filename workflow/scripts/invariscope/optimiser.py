"""Step rules of synthesis: the published one and a fast one, behind one interface.

Both start from the direction P F g that `spectrum.tangent` gives, so both come to rest where F g is
parallel to the stimulus.
"""

import math

import torch

from .spectrum import length


class Published:
    """Adam on the unnormalised stimulus (Cadena et al. 2018, released code).

    The hard minimum is climbed; a unit stops once the exponential average of its loss has had no
    new minimum for `patience` steps.

    Parameters
    ----------
    rate : float
        Adam's step size; the start is drawn from N(0, 1) per pixel.
    patience : int
    """

    smoothing = 0.9  # of the exponential average of the loss

    def __init__(self, rate=1.0, patience=100):
        self.rate = rate
        self.patience = patience

    def begin(self, raw):
        """Reset for stimuli `raw`, (unit, image, channel, y, x)."""
        self.step = 0
        self.first = torch.zeros_like(raw)
        self.second = torch.zeros_like(raw)
        self.average = None
        self.lowest = raw.new_full(raw.shape[:1], math.inf)
        self.waited = raw.new_zeros(raw.shape[:1])

    def temperature(self, done):
        """Temperature of the soft minimum: none."""
        return 0.0

    def advance(self, raw, direction, sine, norm, done):
        """Next raw stimuli, after a fraction `done` of the steps.

        From what `spectrum.tangent` gives at the stimuli, whose norm is `norm`.
        """
        # The chain rule through x = norm * raw / |raw|, whose Jacobian ends in the projection.
        gradient = -direction * (norm / length(raw))
        self.step += 1
        self.first = self.first.lerp(gradient, 1 - 0.9)
        self.second = self.second.lerp(gradient * gradient, 1 - 0.999)
        first = self.first / (1 - 0.9**self.step)
        second = self.second / (1 - 0.999**self.step)
        return raw - self.rate * first / (second.sqrt() + 1e-8)

    def stopped(self, score, sine):
        """Which units stop at this step, from sine (unit, image) and what gives score (unit,)."""
        loss = -score()
        if self.average is None:
            self.average = loss
        else:
            self.average = self.smoothing * self.average + (1 - self.smoothing) * loss
        lower = self.average < self.lowest
        self.lowest = torch.where(lower, self.average, self.lowest)
        self.waited = torch.where(lower, 0, self.waited + 1)
        return self.waited > self.patience

    def select(self, kept):
        """Keep only some units."""
        for name in ("first", "second", "average", "lowest", "waited"):
            setattr(self, name, getattr(self, name)[kept])


class Sphere:
    """Steps of a set angle on the sphere, shrinking to zero: few, wide, in many units at once.

    Each stimulus moves along its own tangent by a set angle, with momentum, but never past F g
    itself, where a linear unit is at rest after one step. The wide first steps leave poor local
    maxima; the soft minimum, annealed, gives gradient to all pairs. A unit stops early once all its
    stimuli are at rest. Smooth units are before the last step; where ReLUs and max pooling leave
    kinks, the shrinking steps end it.

    Parameters
    ----------
    angle : float
        First step, in radians; it falls to 0 along half a cosine.
    momentum : float
    tolerance : float
        Sine of the angle between F g and x below which a stimulus is stationary.
    """

    hot, cold = 0.3, 0.005  # temperature of the soft minimum at the first and the last step

    def __init__(self, angle=1.2, momentum=0.3, tolerance=1e-4):
        self.angle = angle
        self.momentum = momentum
        self.tolerance = tolerance

    def begin(self, raw):
        """Reset for stimuli `raw`, (unit, image, channel, y, x)."""
        self.velocity = torch.zeros_like(raw)

    def temperature(self, done):
        """Temperature of the soft minimum after a fraction `done` of the steps."""
        return self.hot * (self.cold / self.hot) ** done

    def advance(self, raw, direction, sine, norm, done):
        """Next raw stimuli, of length 1; see `Published.advance`."""
        angle = self.angle * (1 + math.cos(math.pi * done)) / 2
        angle = sine.clamp(max=1).asin().clamp(max=angle)[..., None, None, None]
        step = angle * direction / length(direction).clamp(min=1e-30)
        self.velocity = self.momentum * self.velocity + (1 - self.momentum) * step
        moved = raw / length(raw) + self.velocity
        return moved / length(moved)

    def stopped(self, score, sine):
        """Which units stop at this step, see `Published.stopped`; the score does not matter."""
        return (sine < self.tolerance).all(1)

    def select(self, kept):
        """Keep only some units."""
        self.velocity = self.velocity[kept]
