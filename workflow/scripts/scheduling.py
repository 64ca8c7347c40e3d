"""In which order jobs run: those first that the most work follows. And two mends of the scheduler.

Snakemake forgets what a job takes if it is the only one ready. What the job took is given back at
its end all the same, so that cores and GPUs grow in the course of a run: more jobs run side by side
than there are cores, or share a GPU.

At every look for jobs to start it orders another look in a second, which orders one in turn, and
so on. Each job that ends begins such a chain, until it looks so often that it takes half a core.
"""

import threading
from functools import cache

from snakemake.scheduling.greedy import Scheduler
from snakemake.scheduling.job_scheduler import JobScheduler

_snakemakes = JobScheduler.job_selector


def count_every_job():
    """Have the scheduler take account of what every job takes."""

    def job_selector(scheduler, jobs):
        selected = _snakemakes(scheduler, jobs)
        if len(jobs) == 1:
            with scheduler._lock:
                scheduler.update_available_resources(selected)
        return selected

    JobScheduler.job_selector = job_selector


def look_again_once():
    """Have the scheduler order no look while one is ordered."""
    ordered = set()

    def look(scheduler):
        ordered.discard(scheduler)
        scheduler._open_jobs.release()

    def schedule_reevaluation(scheduler, delay):
        if scheduler not in ordered:
            ordered.add(scheduler)
            timer = threading.Timer(delay, look, [scheduler])
            timer.daemon = True  # a run that is over need not wait for it
            timer.start()

    JobScheduler._schedule_reevalutation = schedule_reevaluation


def most_work_first(extent):
    """Have the greedy scheduler start the jobs first that the most work follows.

    So figures wait while there are units to compute, and no core stands still at the end because
    a long job was begun last. Work is units times the area of a receptive field.

    Parameters
    ----------
    extent : callable
        Takes wildcards of a job; gives its `units`, `layer` and `area`.
    """

    @cache
    def work(dag, job):
        units, _, area = extent(job.wildcards)
        after = (work(dag, other) for other in dag.depending[job])
        return (units or 1) * area + max(after, default=0)

    def job_reward(scheduler, job, input_sizes):
        jobs = job.jobs if job.is_group() else [job]
        return job.priority, max(work(scheduler.dag, each) for each in jobs)

    Scheduler.job_reward = job_reward
