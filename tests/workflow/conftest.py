from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def study():
    return Path("/tmp/tinystudy")
