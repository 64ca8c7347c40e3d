"""Compiled functions on several threads."""

import functools
from concurrent.futures import ThreadPoolExecutor

import torch


def spread(function, batch, *rest):
    """Call a function for all images of a batch, on as many threads as PyTorch uses.

    Parameters
    ----------
    function : function
        Compiled so that it lets other threads run. It takes arrays of some images, then the rest.
    batch : sequence of torch.Tensor, (image, ...)
    *rest
        Tensors, given as arrays, and what else the function takes.
    """
    rest = [each.numpy() if isinstance(each, torch.Tensor) else each for each in rest]
    arrays = [each.numpy() for each in batch]
    threads, images = torch.get_num_threads(), len(arrays[0])
    share = max(1, -(-images // threads))

    def call(first):
        function(*(each[first : first + share] for each in arrays), *rest)

    others = [_pool(threads).submit(call, first) for first in range(share, images, share)]
    call(0)
    for other in others:
        other.result()


@functools.cache
def _pool(threads):
    """Threads that wait for work. To begin new ones would take longer than some calls do."""
    return ThreadPoolExecutor(threads - 1)
