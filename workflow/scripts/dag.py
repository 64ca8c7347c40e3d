"""Snakemake's plan, by content: which jobs must run, and why.

Snakemake compares time stamps, and what it noted in `.snakemake` of earlier runs. Both can lie or
be lost. Here a job is run if its results are not what it would leave now, by the records that jobs
leave; and if a job leaves the bytes that were there, nothing is run after it.
"""

import argparse
import dataclasses
import json
import os
from pathlib import Path

import plain_configs  # noqa: F401
from snakemake.api import SnakemakeApi
from snakemake.dag import DAG
from snakemake.jobs import Job, Reason
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

from invariscope import staleness

_snakemakes = dict(update_needrun=DAG.update_needrun, finish=DAG.finish)


class _Why(Reason):
    """Reasons of a job in plain words, as Snakemake prints them for each job and in sum."""

    __slots__ = ("reasons",)

    def __init__(self, reasons):
        super().__init__()
        self.reasons = reasons

    def __bool__(self):
        return not self.finished

    def __str__(self):
        return "; ".join(map(str, self.reasons))

    def get_names(self):
        return (what for what, _ in self.reasons)


def plan_by_content(folder):
    """Have Snakemake plan by the records of a study.

    Parameters
    ----------
    folder : str
        The study's.
    """

    async def update_needrun(dag, create_inventory=False):
        if not dag.workflow.is_main_process:  # but one that runs a job given to it
            await _snakemakes["update_needrun"](dag, create_inventory)
            return
        jobs = [job for level in dag.toposorted() for job in level]
        described = {job: describe(job, folder) for job in jobs if job.output}
        stale = staleness.stale(described.values(), folder, _forced(dag, described))
        dag._needrun.clear()
        dag._ready_jobs.clear()
        dag._n_until_ready.clear()
        for job in jobs:
            if dag.finished(job):
                continue
            if job.output:
                reasons = stale.get(described[job].record)
            else:
                # A mere name for others' results has nothing to do unless one of these is made.
                begun = dag._needrun | dag._finished
                does = not job.is_norun or not begun.isdisjoint(dag.dependencies[job])
                reasons = [staleness.Reason("asked for")] * does
            if reasons:
                dag._needrun.add(job)
                dag._reason[job] = _Why(reasons)
        failed = dag.workflow.scheduler.failed if dag.workflow.scheduler else ()
        for job in dag._needrun:
            # A job that failed in this run is not tried again: it waits for itself.
            waits_for = {*dag.dependencies[job], *([job] if job in failed else [])}
            dag._n_until_ready[job] = len(dag._needrun & waits_for)
        dag._len = len(dag._finished | dag._needrun)

    async def finish(dag, job, update_checkpoint_dependencies=True):
        await _snakemakes["finish"](dag, job, update_checkpoint_dependencies)
        runs = dag.workflow.is_main_process and not dag.workflow.dryrun and not dag.workflow.touch
        # Bytes may be those that were there, or not those that were to be restored.
        if runs and any(_is_misplanned(dag, after, folder) for after in dag.depending[job]):
            before = len(dag)
            await dag.postprocess_after_update()
            if len(dag) < before:
                logger.info(f"{before - len(dag)} jobs need not run: their input is as it was.")

    DAG.update_needrun, DAG.finish = update_needrun, finish
    # Of marks that a run leaves when it is killed, and of clocks.
    DAG.check_incomplete = DAG.check_output_mtime = _pass_over


async def _pass_over(*_):
    pass


def import_from(folder):
    """Have jobs import the library from `folder`, whichever copy of it is installed."""
    first = [str(folder), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, first))


def _is_misplanned(dag, job, folder):
    """Whether a job all of whose inputs are there is to run without a reason, or not in spite."""
    waits = any(map(dag.needrun, set(dag.dependencies[job]) - dag._finished))
    if waits or dag.finished(job) or not job.output:
        return False
    finding, _ = staleness.examine(describe(job, folder), folder, {})
    return bool(finding.reasons) != dag.needrun(job)


def _forced(dag, described):
    """Records of the jobs that the command line asks to run anyway, and that have not run yet."""

    def forced(job):
        by_rule = job.rule in dag.forcerules and job not in dag.omitforce
        return by_rule or not dag.forcefiles.isdisjoint(job.output)

    return {one.record for job, one in described.items() if forced(job) and not dag.finished(job)}


def describe(job, folder):
    """A job of Snakemake as `staleness` knows it."""

    def within(files):
        return tuple(os.path.relpath(file, folder) for file in files)

    record = os.path.relpath(job.output.record, folder)
    return staleness.Job(
        rule=job.rule.name,
        inputs=within(job.input),
        outputs=tuple(name for name in within(job.output) if name != record),
        record=record,
        **{
            key: value
            for key, value in json.loads(job.params.record).items()
            if key in ("parameters", "code", "packages")
        },
    )


def main():
    """Print the name and all jobs of a study as JSON, without running any."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--configfile", type=Path, nargs="*", default=[])
    parser.add_argument("--config", type=json.loads, default={}, help="values in their place")
    options = parser.parse_args()
    Job.check_protected_output = _pass_over  # results that must not be written can be audited
    quiet = OutputSettings(
        dryrun=True, quiet={Quietness.ALL}, stdout=False, enable_file_logging=False
    )
    with SnakemakeApi(quiet) as api:
        flow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=options.config, configfiles=options.configfile),
            snakefile=Path(__file__).parents[2] / "Snakefile",
        )
        flow.dag().execute_workflow(executor="dryrun")
        workflow = flow._workflow
        name = workflow.globals["config"]["name"]
        described = [describe(job, f"results/{name}") for job in workflow.dag.jobs if job.output]
    print(json.dumps(dict(name=name, jobs=[dataclasses.asdict(job) for job in described])))


if __name__ == "__main__":
    main()
