"""The compiled part of `winograd.py`: tiles transformed, multiplied and transformed back.

All that it is compiled from is in this file, for numba looks at no other to see whether it changed.
"""

from functools import cache

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - numba's matrix products are made there
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2)  # where polynomials are evaluated, besides infinity
LANES = 16  # channels that are transformed at once; how wide a processor's vectors are, matters not

_compiled = numba.njit(fastmath=True, nogil=True, cache=True, error_model="numpy")
_inlined = numba.njit(fastmath=True, error_model="numpy")


@cache
def matrices(tile):
    """Transforms along one axis.

    Parameters
    ----------
    tile : int
        Outputs along the axis.

    Returns
    -------
    inputs : numpy.ndarray, (tile + 2, tile + 2)
    kernel : numpy.ndarray, (tile + 2, 3)
    outputs : numpy.ndarray, (tile, tile + 2)
        Valid correlation is outputs @ ((kernel @ k) * (inputs @ x)).
    """
    points = np.array(POINTS[: tile + 1])
    # Polynomials that are zero at all points but one, or at all: the transposed of interpolation.
    inputs = np.zeros((tile + 2, tile + 2))
    kernel = np.zeros((tile + 2, 3))
    for place, point in enumerate(points):
        others = np.delete(points, place)
        inputs[place, :-1] = np.poly(others)[::-1]
        kernel[place] = point ** np.arange(3) / np.prod(point - others)
    inputs[-1] = np.poly(points)[::-1]
    kernel[-1, -1] = 1
    outputs = np.zeros((tile, tile + 2))
    outputs[:, :-1] = points ** np.arange(tile)[:, None]
    outputs[-1, -1] = 1
    return inputs, kernel, outputs


# What follows writes the code that transforms a tile: for LANES channels at once, in registers.


def _sum(builder, weights, values):
    """Weighted sum of vectors, of which some have a weight."""
    total = None
    for weight, value in zip(weights, values, strict=True):
        if weight:
            constant = ir.Constant(value.type, [ir.Constant(ir.FloatType(), weight)] * LANES)
            part = builder.fmul(constant, value, flags=("fast",))
            total = part if total is None else builder.fadd(total, part, flags=("fast",))
    return total


def _product(builder, matrix, values):
    """Product of a matrix with vectors.

    Rows that differ in signs alone share their sums. So do columns, points and their opposites.
    """
    matrix, values = matrix.copy(), list(values)
    for column in range(matrix.shape[1] - 1):
        here, there = matrix[:, column], matrix[:, column + 1]
        if (abs(here) == abs(there)).all() and (here != there).any():
            even = builder.fadd(values[column], values[column + 1], flags=("fast",))
            odd = builder.fsub(values[column], values[column + 1], flags=("fast",))
            values[column : column + 2] = even, odd
            same = here == there
            matrix[:, column], matrix[:, column + 1] = here * same, here * ~same
    found, row = [], 0
    while row < len(matrix):
        one, other = matrix[row], matrix[min(row + 1, len(matrix) - 1)]
        if (abs(one) == abs(other)).all() and (one != other).any():
            same = one == other
            even, odd = _sum(builder, one * same, values), _sum(builder, one * ~same, values)
            found += [builder.fadd(even, odd), builder.fsub(even, odd)]
            row += 2
        else:
            found.append(_sum(builder, one, values))
            row += 1
    return found


def _transformation(choose, read=None, write=None):
    """What transforms LANES channels of one tile along both axes.

    Parameters
    ----------
    choose : function of a tile's size
        Gives the matrix.
    read, write : function of (builder, vector, extra, place), optional
        What becomes of each vector read, and of each before it is written to its place in memory.

    Returns
    -------
    function of (tile, source, down, across, target, down, across, lane, extra)
        For compiled code. What is read begins `lane` numbers beyond the sum of two offsets from the
        begin of the source, one for each row and one for each column; alike what is written. Of
        what is written to the same place, the first is left. `extra` has a number for each channel.
    """

    @intrinsic
    def apply(_, tile, source, down, across, target, below, beside, lane, extra):
        matrix = choose(tile.count)
        wrote, had = matrix.shape
        given = tile, source, down, across, target, below, beside, lane, extra

        def generate(context, builder, signature, arguments):
            vector = ir.VectorType(ir.FloatType(), LANES)

            def memory(index):
                return context.make_array(given[index])(context, builder, arguments[index]).data

            def offsets(index, count):
                first = memory(index)
                places = [
                    builder.gep(first, [ir.Constant(ir.IntType(64), i)]) for i in range(count)
                ]
                return [builder.load(place) for place in places]

            def grid(index, rows, columns):
                """Where each vector of a tile lies."""
                begin = builder.gep(memory(index), [arguments[7]])
                return [
                    [
                        builder.bitcast(
                            builder.gep(begin, [builder.add(row, column)]), vector.as_pointer()
                        )
                        for column in columns
                    ]
                    for row in rows
                ]

            if read or write:
                extra = builder.gep(memory(8), [arguments[7]])
                extra = builder.load(builder.bitcast(extra, vector.as_pointer()), align=4)
            sources = grid(1, offsets(2, had), offsets(3, had))
            values = [[builder.load(place, align=4) for place in line] for line in sources]
            if read:
                values = [[read(builder, each, extra, None) for each in line] for line in values]
            values = [_product(builder, matrix, line) for line in values]
            columns = [_product(builder, matrix, line) for line in zip(*values, strict=True)]
            targets = grid(4, offsets(5, wrote), offsets(6, wrote))
            for row in reversed(range(wrote)):
                for column in reversed(range(wrote)):
                    value, place = columns[column][row], targets[row][column]
                    if write:
                        value = write(builder, value, extra, place)
                    builder.store(value, place, align=4)
            return context.get_dummy_value()

        return types.void(*given), generate

    return apply


def _cut_off(builder, value, floor, _):
    """What is not below the floor; NaN stays."""
    return builder.select(builder.fcmp_ordered("<", value, floor), floor, value)


def _add_bias(builder, value, bias, _):
    """The bias of each channel added."""
    return builder.fadd(value, bias)


def _add_there(builder, value, _, place):
    """What is there already added."""
    return builder.fadd(value, builder.load(place, align=4))


_inputs = _transformation(lambda tile: matrices(tile)[0], read=_cut_off)
_outputs = _transformation(lambda tile: matrices(tile)[2], write=_add_bias)
_outputs_adjoint = _transformation(lambda tile: matrices(tile)[2].T)
_inputs_adjoint = _transformation(lambda tile: matrices(tile)[0].T, write=_add_there)


@_compiled
def convolve(images, outcomes, choices, floor, kernels, bias, tile, count):
    """Outputs (image, y, x, channel) of images (image, y, x, channel), `count` at a time.

    They go to `outcomes`. If they are pooled, `choices` has the same shape and is told of which of
    four outputs each is.
    """
    for first in range(0, len(images), count):
        rows, found = images[first : first + count], outcomes[first : first + count]
        which = choices[first : first + count]
        number, height, width, inputs = rows.shape
        places, _, outputs = kernels.shape
        pooled, step, wide, down, across = _tiling(found, which, tile)
        total = number * down * across
        tiles = np.empty((places, total, inputs), np.float32)
        products = np.empty((places, total, outputs), np.float32)
        whole = np.empty((step, step, outputs), np.float32)
        from_y = _offsets(down, step, wide, height, width * inputs)
        from_x = _offsets(across, step, wide, width, inputs)
        in_y, in_x = _places(wide, total * inputs)
        out_y, out_x = _places(wide, total * outputs)
        to_y = _offsets(down, step, step, found.shape[1], found.shape[2] * outputs)
        to_x = _offsets(across, step, step, found.shape[2], outputs)
        whole_y, whole_x = _places(step, outputs)
        for i in range(total):
            image, y, x = i // (down * across), i // across % down, i % across
            for lane in range(0, inputs, LANES):
                _inputs(
                    tile, rows[image], from_y[y], from_x[x], tiles[0, i], in_y, in_x, lane, floor
                )
        for place in range(places):
            np.dot(tiles[place], kernels[place], products[place])
        for i in range(total):
            image, y, x = i // (down * across), i // across % down, i % across
            into, to = (whole, (whole_y, whole_x)) if pooled else (found[image], (to_y[y], to_x[x]))
            for lane in range(0, outputs, LANES):
                _outputs(tile, products[0, i], out_y, out_x, into, to[0], to[1], lane, bias)
            if pooled:
                _pool(whole, found[image], which[image], y * step // 2, x * step // 2)


@_compiled
def pull_back(gradients, images, outcomes, choices, floor, kernels, tile, count):
    """Adjoint of `convolve` without bias: gradients of images from those of outputs.

    Where the ReLU cut images off, there is none.
    """
    for first in range(0, len(images), count):
        gradient, rows = gradients[first : first + count], images[first : first + count]
        found, which = outcomes[first : first + count], choices[first : first + count]
        number, _, _, inputs = rows.shape
        places, outputs, _ = kernels.shape
        pooled, step, wide, down, across = _tiling(gradient, which, tile)
        total = number * down * across
        tiles = np.empty((places, total, outputs), np.float32)
        products = np.empty((places, total, inputs), np.float32)
        whole = np.empty((step, step, outputs), np.float32)
        sums = np.empty((down * step + 2, across * step + 2, inputs), np.float32)
        whole_y, whole_x = _places(step, outputs)
        in_y, in_x = _places(wide, total * outputs)
        out_y, out_x = _places(wide, total * inputs)
        to_y = _offsets(down, step, wide, len(sums), sums.shape[1] * inputs)
        to_x = _offsets(across, step, wide, sums.shape[1], inputs)
        for i in range(total):
            image, y, x = i // (down * across), i // across % down, i % across
            if pooled:
                _unpool(gradient[image], which[image], y * step // 2, x * step // 2, whole)
            else:
                _cut(gradient[image], y * step, x * step, whole)
            for lane in range(0, outputs, LANES):
                _outputs_adjoint(
                    tile, whole, whole_y, whole_x, tiles[0, i], in_y, in_x, lane, floor
                )
        for place in range(places):
            np.dot(tiles[place], kernels[place], products[place])
        for i in range(total):
            image, y, x = i // (down * across), i // across % down, i % across
            if y == x == 0:
                sums[:] = 0
            for lane in range(0, inputs, LANES):
                _inputs_adjoint(
                    tile, products[0, i], out_y, out_x, sums, to_y[y], to_x[x], lane, floor
                )
            if (y, x) == (down - 1, across - 1):
                _select(sums, rows[image], floor, found[image])


@_inlined
def _tiling(outputs, which, tile):
    """Whether outputs are pooled; a tile's outputs and inputs along an axis; tiles along both."""
    pooled, step = which.size > 0, len(tile)
    by = 2 if pooled else 1
    return (
        pooled,
        step,
        step + 2,
        -(-by * outputs.shape[1] // step),
        -(-by * outputs.shape[2] // step),
    )


@_inlined
def _places(wide, apart):
    """Where the rows and the columns of a tile begin whose places are numbered row by row."""
    return (
        _offsets(1, 0, wide, wide, wide * apart)[0],
        _offsets(1, 0, wide, wide, apart)[0],
    )


@_inlined
def _offsets(tiles, step, count, length, stride):
    """Where each tile's numbers begin along an axis, (tile, count), `stride` apart.

    Those beyond the axis's length are taken to be its last: what lies there has no part in outputs
    within.
    """
    found = np.empty((tiles, count), np.int64)
    for tile in range(tiles):
        for i in range(count):
            found[tile, i] = min(step * tile + i, length - 1) * stride
    return found


@_inlined
def _pool(whole, found, which, top, left):
    """The largest of each 2 by 2 of a tile's outputs, and which of them; the first of equals."""
    for y in range(min(len(whole) // 2, len(found) - top)):
        for x in range(min(len(whole) // 2, found.shape[1] - left)):
            a, b = whole[2 * y, 2 * x], whole[2 * y, 2 * x + 1]
            c, d = whole[2 * y + 1, 2 * x], whole[2 * y + 1, 2 * x + 1]
            into, at = found[top + y, left + x], which[top + y, left + x]
            for i in range(len(into)):
                above, below = max(a[i], b[i]), max(c[i], d[i])
                is_below = below > above
                into[i] = max(above, below)
                at[i] = (2 + (d[i] > c[i])) if is_below else (b[i] > a[i])


@_inlined
def _unpool(gradient, which, top, left, whole):
    """Adjoint of `_pool`."""
    whole[:] = 0
    for y in range(min(len(whole) // 2, len(gradient) - top)):
        for x in range(min(len(whole) // 2, gradient.shape[1] - left)):
            one, at = gradient[top + y, left + x], which[top + y, left + x]
            for k in range(4):
                into = whole[2 * y + k // 2, 2 * x + k % 2]
                for i in range(len(into)):
                    into[i] = one[i] if at[i] == k else np.float32(0)


@_inlined
def _cut(gradient, top, left, whole):
    """A tile's outputs; 0 beyond the edge."""
    for y in range(len(whole)):
        for x in range(len(whole)):
            inside = top + y < len(gradient) and left + x < gradient.shape[1]
            into = whole[y, x]
            one = gradient[top + y, left + x] if inside else into
            for i in range(len(into)):
                into[i] = one[i] if inside else np.float32(0)


@_inlined
def _select(sums, rows, floor, found):
    """Sums where rows are above the floor, 0 elsewhere; also where no tile reaches."""
    lowest, reach = floor[0], min(sums.shape[1], found.shape[1])
    found[len(sums) :] = 0
    found[:, reach:] = 0
    for y in range(min(len(sums), len(found))):
        for x in range(reach):
            one, what, into = sums[y, x], rows[y, x], found[y, x]
            for i in range(len(into)):
                into[i] = one[i] if what[i] > lowest else np.float32(0)
