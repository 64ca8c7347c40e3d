"""How far a run of many jobs is: what is done, how fast, and how long the rest will take.

A job's time is foretold from those of its stage that have ended in this run. Units of one layer
cost much the same, units of two layers can differ a hundredfold. So the seconds of a unit are the
mean over the blocks of its own layer, once one has ended. Until then they are taken to grow with
the area of the receptive field, from the mean per unit and pixel over the stage: right within a few
times, and marked as rough. Nothing is foretold of a stage of which nothing has ended. A running job
counts by the time it has had. Rates and times left are those at the mean number of jobs that ran at
once so far, as if a stage had all of them to itself; the times of the stages then add up to that of
the run, unless its last jobs are too few to run side by side.
"""

import dataclasses
from collections import defaultdict


@dataclasses.dataclass(frozen=True)
class Task:
    """A job of a run.

    Attributes
    ----------
    stage : str
    name : str
        What it is about, beside its stage.
    units : int or None
        Of the network; None if it is not about a block of units, and counts as one.
    layer : tuple or None
        Tasks of a stage with the same cost about the same per unit.
    area : int
        Pixels of the layer's receptive field.
    log : str
        Path of the file that it writes.
    """

    stage: str
    name: str
    units: int | None
    layer: tuple | None
    area: int
    log: str

    def __str__(self):
        return f"{self.stage} {self.name}".rstrip()

    @property
    def weight(self):
        """What the task adds to a count."""
        return self.units or 1


@dataclasses.dataclass(frozen=True)
class Left:
    """How long something will take: seconds, and whether more than these, or roughly these."""

    seconds: float
    unknown: bool
    rough: bool


class Pace:
    """What has become of the tasks of a run. Times are seconds since any one moment.

    Parameters
    ----------
    begun : float
        When the run began.
    """

    def __init__(self, begun):
        self.begun = begun
        self.planned, self.ended, self.failed = [], set(), set()
        self.lost = set()  # tasks that wait for one that failed
        self.running = {}  # task to when it began
        self._spent = 0.0  # seconds of jobs that ended or failed
        # Of each stage and layer the same sums as `_measured_in` gives.
        self._measured = defaultdict(lambda: defaultdict(lambda: [0.0, 0, 0]))

    def plan(self, tasks):
        """The tasks of the run, those that have ended among them, are now these."""
        self.planned = list(tasks)

    def start(self, task, now):
        self.failed.discard(task)  # it may be tried again
        self.running[task] = now

    def end(self, task, now):
        """The task has succeeded; the seconds that it took."""
        seconds = self._stop(task, now)
        self.ended.add(task)
        measured = self._measured[task.stage][task.layer]
        for index, more in enumerate((seconds, task.weight, task.weight * task.area)):
            measured[index] += more
        return seconds

    def fail(self, task, now):
        """The task has failed; the seconds that it took."""
        self.failed.add(task)
        return self._stop(task, now)

    def _stop(self, task, now):
        seconds = now - self.running.pop(task, now)
        self._spent += seconds
        return seconds

    def stages(self):
        """Stages in the order in which they are planned."""
        return list(dict.fromkeys(task.stage for task in self.planned))

    def jobs(self):
        """Number of jobs that have ended, and of all."""
        return len(self.ended.intersection(self.planned)), len(self.planned)

    def count(self, stage):
        """Done and total of a stage, and in what they are counted."""
        tasks = [task for task in self.planned if task.stage == stage]
        done = sum(task.weight for task in tasks if task in self.ended)
        word = "jobs" if all(task.units is None for task in tasks) else "units"
        return done, sum(task.weight for task in tasks), word

    def rate(self, stage, now):
        """Units per second of a stage, or None if it is not known."""
        seconds, weight, _ = self._measured_in(stage)
        return weight / seconds * self._at_once(now) if seconds else None

    def left(self, now, stage=None):
        """How long the run, or a stage of it, will take from now on.

        Returns
        -------
        Left
        """
        over = self.ended | self.failed | self.lost
        waiting = [t for t in self.planned if t not in over and stage in (None, t.stage)]
        expected = {task: self._expected(task) for task in waiting}
        known = [
            max(seconds - (now - self.running.get(task, now)), 0)
            for task, (seconds, _) in expected.items()
            if seconds is not None
        ]
        seconds = max(sum(known) / self._at_once(now), max(known)) if any(known) else 0
        unknown = len(known) < len(waiting)
        return Left(seconds, unknown, any(rough for _, rough in expected.values()))

    def _expected(self, task):
        """Seconds that a task takes as a whole, None if not known; and whether only roughly."""
        layers = self._measured[task.stage]
        if task.layer in layers:
            seconds, weight, _ = layers[task.layer]
            return seconds / weight * task.weight, False
        seconds, _, pixels = self._measured_in(task.stage)
        return (seconds / pixels * task.weight * task.area, True) if pixels else (None, False)

    def _measured_in(self, stage):
        """Sums over a stage's tasks that have ended: seconds, units, and units times pixels."""
        return [
            sum(column) for column in zip((0, 0, 0), *self._measured[stage].values(), strict=True)
        ]

    def _at_once(self, now):
        """Mean number of jobs that ran at the same time."""
        spent = self._spent + sum(now - begun for begun in self.running.values())
        return spent / (now - self.begun) if spent else 1


def clock(seconds):
    """Seconds as minutes:seconds or hours:minutes:seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def rate_in_words(rate, word):
    """A rate in units per second, or in seconds per unit where that is the larger number."""
    one = word.removesuffix("s")
    return f"{rate:.1f} {word}/s" if rate >= 1 else f"{1 / rate:.1f} s/{one}"


def left_in_words(left):
    """A time left: with > if a part of it is not known, with ~ if a part is known roughly."""
    if not left.seconds:
        return ""
    return f"{'>' if left.unknown else '~' * left.rough}{clock(left.seconds)} left"
