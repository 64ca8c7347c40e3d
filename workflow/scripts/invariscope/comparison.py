"""Two networks compared: which layers correspond, and how far apart their units' indices lie.

Layers correspond when each is the other's nearest in receptive field, on a scale of ratios. For
every index the units of one layer are held against those of the other by the rank-biserial
correlation, which for two samples is Cliff's delta. Networks of the same architecture with random
weights tell what is learned and what the architecture gives for free.
"""

import numpy as np
import pandas as pd
from scipy import stats

from .labels import KINDS
from .seeds import generator
from .tables import KEYS, corrected

CONFIDENCE = 0.95
RESAMPLES = 2000
# What is compared, and in which units of measure. Distances are left out: they are measured in the
# features of another layer in each network.
INDICES = {
    "a_max": "mean response of the channel to natural photos",
    "activation_ratio": "fraction of a_max",
    "f1_f0": "ratio of amplitudes, 0 to 2",
    "f1_f0_monogenic": "ratio of amplitudes, 0 to 2",
    "phase_invariance": "fraction of the largest response over phases",
    "phase_minimum": "fraction of the largest response over phases",
    "texture_mean": "fraction of a_max under the mask",
    "texture_min": "fraction of a_max under the mask",
    "warp_gain": "share of variance",
    "path_retention": "fraction of the response at the path's start",
    "control_retention": "fraction of the response at the path's start",
    "retention_above_controls": "fraction of the response at the path's start",
    "relative_stability": "ratio of mean squared changes",
    **dict.fromkeys(KINDS, "share of units"),
}
LEVEL = 0.05  # of a corrected p that captions and figures call a difference
SIDES = 1, 2


def correspondence(first, second):
    """Match the layers of two networks by receptive field.

    Two layers are matched if each is the other's nearest, by the logarithm of the receptive field;
    of two as near, the smaller counts as nearer.

    Parameters
    ----------
    first, second : dict of str to int
        Layer to receptive field, in pixels.

    Returns
    -------
    list of (str or None, str or None)
        In order of receptive field. Layers without a partner stand beside None.
    """

    def nearest(rf, layers):
        return min(layers, key=lambda layer: (abs(np.log(layers[layer] / rf)), layers[layer]))

    matched = []
    for layer, rf in first.items():
        partner = nearest(rf, second) if second else None
        mutual = partner is not None and nearest(second[partner], first) == layer
        matched.append((layer, partner if mutual else None))
    taken = {partner for _, partner in matched}
    matched += [(None, layer) for layer in second if layer not in taken]
    return sorted(matched, key=lambda pair: first[pair[0]] if pair[0] else second[pair[1]])


def correspondence_rows(units, networks):
    """Rows of correspondence.csv for one pair of networks.

    Parameters
    ----------
    units : pandas.DataFrame
        units.csv.
    networks : (str, str)

    Returns
    -------
    pandas.DataFrame
        Of each side network, layer, rf and units; `rf_ratio` is the larger receptive field over the
        smaller. Layers without a partner stand alone.
    """
    layers = [_layers(units, network) for network in networks]
    rows = []
    for pair in correspondence(*(found.rf.to_dict() for found in layers)):
        row = {}
        for side, network, found, layer in zip(SIDES, networks, layers, pair, strict=True):
            at = found.loc[layer] if layer else dict(rf=None, units=None)
            row |= {f"network_{side}": network, f"layer_{side}": layer}
            row |= {f"rf_{side}": at["rf"], f"units_{side}": at["units"]}
        known = [rf for rf in (row["rf_1"], row["rf_2"]) if rf]
        row["rf_ratio"] = max(known) / min(known) if len(known) == 2 else None
        rows.append(row)
    whole = {f"{name}_{side}": "Int64" for name in ("rf", "units") for side in SIDES}
    return pd.DataFrame(rows).astype(whole)


def _layers(units, network):
    """Receptive field and number of units of each layer of one network."""
    rows = units[units.network == network].groupby("layer", sort=False)
    return rows.agg(rf=("rf", "first"), units=("channel", "size"))


def measured(units):
    """units.csv with every column of `INDICES`: those that follow from others added."""
    found = units.assign(retention_above_controls=units.path_retention - units.control_retention)
    for name, bearing in KINDS.items():
        has = units.label.isin(bearing).astype(float)
        found[name] = has.where(units.label != "")
    return found


def rank_biserial(first, second, axis=-1):
    """How often an entry of `first` is larger than one of `second`, less how often it is smaller.

    Parameters
    ----------
    first, second : array
    axis : int
        Along which the entries lie.

    Returns
    -------
    numpy.ndarray
        Cliff's delta: 1 if all of `first` are larger, -1 if all are smaller.
    """
    test = stats.mannwhitneyu(first, second, axis=axis, method="asymptotic")
    return 2 * test.statistic / (np.shape(first)[axis] * np.shape(second)[axis]) - 1


def effect(first, second, *names):
    """Effect of belonging to the first sample, its bootstrap interval, and a rank test.

    Parameters
    ----------
    first, second : numpy.ndarray, (unit,)
    *names : str
        What the bootstrap draws are seeded by.

    Returns
    -------
    dict
        'effect', 'effect_low', 'effect_high' (percentile interval over resampled units) and 'p'
        (two-sided Mann-Whitney test). All NaN where a sample has fewer than two units.
    """
    if min(len(first), len(second)) < 2:
        return dict.fromkeys(["effect", "effect_low", "effect_high", "p"], np.nan)
    interval = stats.bootstrap(
        (first, second),
        rank_biserial,
        n_resamples=RESAMPLES,
        batch=max(1, 2**20 // (len(first) + len(second))),
        vectorized=True,
        method="percentile",
        confidence_level=CONFIDENCE,
        rng=generator("comparison", *names),
    ).confidence_interval
    return dict(
        effect=float(rank_biserial(first, second)),
        effect_low=interval.low,
        effect_high=interval.high,
        p=stats.mannwhitneyu(first, second).pvalue,
    )


def contrasts(comparison, matched, studied):
    """What is held against what, for one pair of networks.

    Parameters
    ----------
    comparison : dict
        From `config.comparisons`.
    matched : list of (str, str)
        Corresponding layers.
    studied : set of (network, layer)

    Yields
    ------
    contrast : {'networks', 'training', 'architecture'}
        The two networks; one of them and its control; a control of each.
    sides : ((network, layer), (network, layer))
    """
    networks, controls = comparison["networks"], comparison["controls"]
    for layers in matched:
        yield "networks", tuple(zip(networks, layers, strict=True))
        for network, layer, others in zip(networks, layers, controls, strict=True):
            for control in others:
                if (control, layer) in studied:
                    yield "training", ((network, layer), (control, layer))
        for pair in zip(*controls, strict=False):
            sides = tuple(zip(pair, layers, strict=True))
            if studied.issuperset(sides):
                yield "architecture", sides


def comparison_rows(units, seeds, comparison):
    """Rows of comparison.csv for one pair of networks, but for what `with_corrected` adds.

    Parameters
    ----------
    units, seeds : pandas.DataFrame
        units.csv and seeds.csv.
    comparison : dict
        From `config.comparisons`.

    Returns
    -------
    pandas.DataFrame
        One row per contrast, pair of layers and index. `effect_least` and `effect_most` bound the
        effect over the seeds of synthesis that both layers have, where there are several.
    """
    units, seeds = measured(units), measured(seeds)
    table = correspondence_rows(units, comparison["networks"]).dropna()
    matched = list(zip(table.layer_1, table.layer_2, strict=True))
    by_layer = dict(list(units.groupby(KEYS[:2])))
    by_seed = dict(list(seeds.groupby([*KEYS[:2], "seed"])))
    rows = []
    for contrast, sides in contrasts(comparison, matched, set(by_layer)):
        shared = [{seed for *key, seed in by_seed if tuple(key) == side} for side in sides]
        both = sorted(set.intersection(*shared))
        for index, measure in INDICES.items():
            row = dict(contrast=contrast)
            samples = []
            for side, key in zip(SIDES, sides, strict=True):
                values = by_layer[key][index]
                known = values.dropna().to_numpy(float)
                row |= {f"network_{side}": key[0], f"layer_{side}": key[1]}
                row[f"rf_{side}"] = by_layer[key].rf.iloc[0]
                row |= _distribution(known, len(values), side)
                samples.append(known)
            row |= dict(index=index, measure=measure)
            row |= effect(*samples, contrast, *sides[0], *sides[1], index)
            row |= _over_seeds(both, sides, by_seed, index)
            rows.append(row)
    return pd.DataFrame(rows)


def _distribution(known, units, side):
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else [np.nan] * 3
    found = dict(units=len(known), missing=units - len(known), quartile_low=low)
    found |= dict(median=median, quartile_high=high, mean=known.mean() if len(known) else np.nan)
    return {f"{name}_{side}": value for name, value in found.items()}


def _over_seeds(seeds, sides, by_seed, index):
    """Bounds of the effect over several seeds of synthesis."""
    effects = []
    for seed in seeds:
        samples = [by_seed[*key, seed][index].dropna().to_numpy(float) for key in sides]
        if min(map(len, samples)) >= 2:
            effects.append(float(rank_biserial(*samples)))
    several = len(effects) > 1
    return dict(
        seeds=max(len(seeds), 1),
        effect_least=min(effects) if several else np.nan,
        effect_most=max(effects) if several else np.nan,
    )


def with_corrected(rows):
    """Rows of comparison.csv with p corrected over the whole table, after `p`."""
    rows = rows.reset_index(drop=True)
    rows.insert(rows.columns.get_loc("p") + 1, "p_corrected", corrected(rows.p))
    return rows


def between(rows, networks):
    """Rows of comparison.csv that hold one network of a pair against the other."""
    first, second = (rows[f"network_{side}"] for side in SIDES)
    of_pair = (first == networks[0]) & (second == networks[1])
    return rows[of_pair & (rows.contrast == "networks")]


def findings(rows, networks, indices):
    """What one pair of networks comes to, for a caption.

    Parameters
    ----------
    rows : pandas.DataFrame
        comparison.csv.
    networks : (str, str)
    indices : sequence of str
        Those that count.

    Returns
    -------
    dict
        'networks'; 'tested', the number of comparisons between the two, and 'different', the rows
        of those whose corrected p is below `LEVEL`, largest effect first; 'trained' and 'learned',
        how many comparisons with random weights there are and how many of them are below it.
    """
    rows = rows[rows["index"].isin(indices)].dropna(subset="p")
    own = between(rows, networks)
    training = rows[(rows.contrast == "training") & rows.network_1.isin(networks)]
    different = own[own.p_corrected < LEVEL]
    order = different.effect.abs().sort_values(ascending=False, kind="stable").index
    return dict(
        networks=networks,
        tested=len(own),
        different=different.loc[order].to_dict("records"),
        trained=len(training),
        learned=int((training.p_corrected < LEVEL).sum()),
    )
