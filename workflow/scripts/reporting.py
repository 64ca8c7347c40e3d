"""Snakemake's own report, in the study's folder and by the records that its jobs left.

Snakemake takes the times of jobs from what it noted in `.snakemake` of earlier runs, and writes
into the folder that it runs in. Both are put right here.
"""

import base64
import json
import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from snakemake import report
from snakemake.io import is_flagged
from snakemake.logging import logger

from invariscope import records
from invariscope.errors import choices

_snakemakes = report.auto_report
UNTOLD = Path("report.html")  # the path where the command line tells none


class _FileRecord(report.FileRecord):
    """What the report knows of a file. Not all that its job was given, but where to read that."""

    def __post_init__(self):
        super().__post_init__()
        self.params = f"record: {self.job.output.record}"


def report_by_records(folder, stylesheet):
    """Have Snakemake report on a study by its records, by default into its folder.

    Parameters
    ----------
    folder : str
        The study's.
    stylesheet : path
        Of the report, unless the command line tells another.
    """

    async def auto_report(dag, plugin, settings, overall):
        _check(dag, folder)
        made = _metadata(folder)
        dag.workflow.persistence.metadata = lambda file: made.get(os.path.relpath(file, folder))
        target = settings.path if _told(settings.path) else Path(folder, "report.html")
        settings.stylesheet_path = settings.stylesheet_path or stylesheet
        target.parent.mkdir(parents=True, exist_ok=True)
        # In a folder, as an archive's content is named after the file.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as temporary:
            settings.path = Path(temporary, target.name)
            await _snakemakes(dag, plugin, settings, overall)
            os.replace(settings.path, target)
        logger.info(f"The report is {target}")

    report.auto_report, report.FileRecord = auto_report, _FileRecord


def _told(path):
    """Whether the command line tells the path of the report."""
    return path != UNTOLD or any(Path(word.removeprefix("--report=")) == path for word in sys.argv)


def _check(dag, folder):
    """End in one line if a file is missing that the report shows; say if one is outdated."""
    shown = [job for job in dag.jobs if any(is_flagged(file, "report") for file in job.output)]
    lacking = {job.rule.name for job in shown if not all(map(os.path.exists, job.output))}
    if lacking:
        sys.exit(
            f"invariscope: {folder}: no report without {choices(sorted(lacking))}; "
            "run the study first, or ask for the target `report`"
        )
    if outdated := sorted({job.rule.name for job in dag.needrun_jobs() if job.output}):
        logger.warning(f"invariscope: the report shows outdated results of {choices(outdated)}")


def _metadata(folder):
    """What Snakemake wants to know of each file of a study, by its path there."""
    found = {}
    for name, record in records.read_whole(folder).items():
        software = [f"{package} {version}" for package, version in record["packages"].items()]
        start, end = (datetime.fromisoformat(record["run"][key]) for key in ("start", "end"))
        known = dict(
            job_hash=name,
            rule=record["rule"],
            starttime=start.timestamp(),
            endtime=end.timestamp(),
            # Its report lists what stands here as the rule's software.
            conda_env=base64.b64encode(json.dumps(dict(dependencies=software)).encode()),
            container_img_url=None,
        )
        found |= dict.fromkeys([*record["outputs"], name], known)
    return found
