"""Compiled functions on several threads."""

from concurrent.futures import ThreadPoolExecutor

import torch


def spread(function, batch, count, *rest):
    """Call a function for all images of a batch, on as many threads as PyTorch uses.

    Parameters
    ----------
    function : function
        Compiled so that it lets other threads run. It takes arrays of some images, then the rest.
    batch : sequence of torch.Tensor, (image, ...)
    count : int
        Images that the function takes at once: each thread has a multiple of them.
    *rest
        Tensors, given as arrays, and what else the function takes.
    """
    rest = [each.numpy() if isinstance(each, torch.Tensor) else each for each in rest]
    arrays = [each.numpy() for each in batch]
    threads = torch.get_num_threads()
    parts = -(-len(arrays[0]) // count)
    each = -(-parts // threads) * count
    if parts <= 1 or threads == 1:
        function(*arrays, *rest)
        return
    with ThreadPoolExecutor(threads) as pool:
        begins = range(0, len(arrays[0]), each)
        list(pool.map(lambda b: function(*(a[b : b + each] for a in arrays), *rest), begins))
