"""Two mends of Snakemake's plugin for SLURM.

It forgets a job if it meets an error before it asks SLURM to take it, and waits for the job for
ever. And why SLURM did not take a job, or ended it (its time or memory was up, say), stands only
in Snakemake's own log.
"""

import sys

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo


def tell_of_every_job():
    """Have each job that SLURM does not take or ends fail, and the run say why, in a line."""
    plugin = sys.modules.get("snakemake_executor_plugin_slurm")
    if plugin is None:  # it is not installed
        return
    run_job, report_job_error = plugin.Executor.run_job, plugin.Executor.report_job_error

    def run_or_fail(executor, job):
        try:
            run_job(executor, job)
        except Exception as error:
            why = " ".join(str(error).split())
            executor._report_job_error_threadsafe(SubmittedJobInfo(job), why)

    def report_with_reason(executor, submitted, msg=None, **more):
        why, *_ = (msg or "no reason given").splitlines()
        executor.logger.error(f"invariscope: {submitted.job.name}: {why}")
        report_job_error(executor, submitted, msg=msg, **more)

    plugin.Executor.run_job = run_or_fail
    plugin.Executor.report_job_error = report_with_reason
