"""How many stimuli are seen at once, by device and memory."""

from types import SimpleNamespace

import pytest
import torch

from invariscope.observer import PIXELS, at_once

GIB = 2**30


@pytest.fixture
def gpu(monkeypatch):
    """A GPU, as far as its memory goes; a function of how many GiB it has."""

    def having(memory):
        found = SimpleNamespace(total_memory=memory * GIB)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: found)
        return torch.device("cuda")

    return having


def test_a_cpu_sees_so_many_pixels():
    assert at_once(1, 1, torch.device("cpu")) == PIXELS["cpu"]
    assert at_once(4, 8, torch.device("cpu"), {"cpu": 4 * 3 * 8 * 8}) == 3
    assert at_once(4, 8, torch.device("cpu"), {"cpu": 4 * 3 * 8 * 8 - 1}) == 2


@pytest.mark.parametrize(("memory", "pixels"), [(8, 2**19), (24, 3 * 2**19), (80, 5 * 2**20)])
def test_a_gpu_sees_what_its_memory_has_room_for(gpu, memory, pixels):
    assert at_once(1, 1, gpu(memory)) == pixels
    assert at_once(16, 64, gpu(memory)) == pixels // 2**16


def test_a_gpu_sees_no_more_than_it_needs_to_be_busy(gpu):
    assert at_once(1, 1, gpu(1000)) == PIXELS["cuda"]
    assert at_once(1, 1, gpu(1000), {"cuda": 7}) == 7


def test_one_is_seen_at_least(gpu):
    assert at_once(10**6, 100, torch.device("cpu")) == 1
    assert at_once(10**6, 100, gpu(1)) == 1
