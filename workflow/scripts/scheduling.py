"""A mend of Snakemake's scheduler, which forgets what a job takes if it is the only one ready.

What the job took is given back at its end all the same, so that cores and GPUs grow in the course
of a run: more jobs run side by side than there are cores, or share a GPU.
"""

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
