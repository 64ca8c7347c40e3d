"""A SLURM cluster of this machine."""

import cluster
import pytest


@pytest.fixture(scope="session")
def slurm():
    """The environment in which SLURM's commands find the cluster."""
    with cluster.running() as environment:
        yield environment
