"use strict";
// Charts of one unit.

const CELL_SYMBOLS = ["circle-open", "square-open", "diamond-open", "cross-open", "x-open", "triangle-up-open", "star-open"];

function drawTuning(place, unit) {
  const degrees = study.phases.map((phase) => (phase * 180) / Math.PI);
  const closed = (curve) => [...curve, curve[0]].map((share) => 100 * share);
  const at = [...degrees, 360];
  const single = unit.single.filter((curve) => curve[0] !== null);
  const traces = single.map((curve, number) => ({
    x: at, y: closed(curve), mode: "lines", line: {width: 0.7, color: colour("soft")}, hoverinfo: "skip",
    name: "single stimuli", legendgroup: "single", showlegend: number === 0,
  }));
  for (const [form, name, dash] of [["monogenic", "monogenic form", "dash"], ["fourier", "Fourier form", "solid"]]) {
    if (unit[form][0] === null) continue;
    traces.push({
      x: at, y: closed(unit[form]), mode: "lines", name, line: {width: 2, dash, color: colour("text")},
      hovertemplate: "%{x:.0f}°: %{y:.0f}%<extra></extra>",
    });
  }
  traces.push({
    x: [0], y: [100 * unit.series_response[0]], mode: "markers", name: "picture at the left", showlegend: false,
    marker: {size: 9, color: colour("mark")}, hoverinfo: "skip",
  });
  Plotly.react(place, traces, layout({
    xaxis: {title: {text: "phase (degrees)"}, range: [0, 360], tickvals: [0, 90, 180, 270, 360]},
    yaxis: {title: {text: "response (% of largest)"}, range: [-4, 106]},
    height: 260, margin: {l: 55, r: 22, t: 24, b: 45}, showlegend: true,
    legend: {orientation: "h", y: 1.02, yanchor: "bottom"},
  }), CHART);
}

function markPhase(place, unit, number) {
  const x = (study.phases[number] * 180) / Math.PI;
  Plotly.restyle(place, {x: [[x]], y: [[100 * unit.series_response[number]]]}, [place.data.length - 1]);
}

function drawCrops(place, crops) {
  const all = crops.flat();
  Plotly.react(place, [{
    type: "heatmap", z: crops, zmin: Math.min(0, ...all), zmax: Math.max(100, ...all), colorscale: "Viridis", zsmooth: false,
    hovertemplate: "crop at (%{x}, %{y}): %{z}%<extra></extra>",
    colorbar: {title: {text: "response to the crop<br>(% of a_max under the mask)", side: "right"}, thickness: 12},
  }], layout({
    xaxis: {visible: false, constrain: "domain"},
    yaxis: {visible: false, autorange: "reversed", scaleanchor: "x", constrain: "domain"},
    height: 240, width: 330, margin: {l: 5, r: 5, t: 5, b: 5},
  }), {...CHART, responsive: false});
}

function drawPaths(place, unit) {
  const own = [
    ["own", "own warps", "solid", 2.5, "mark"],
    ["control_change", "controls, same change", "dash", 1.5, "text"],
    ["control_displacement", "controls, same displacement", "dot", 1.5, "text"],
    ["blend", "pixel blend", "solid", 1, "soft"],
  ];
  const traces = own.map(([name, title, dash, width, paint]) => {
    const curve = unit[`path_${name}`];
    return {
      x: curve.map((_, number) => number / (curve.length - 1)), y: curve.map((share) => share === null ? null : 100 * share),
      mode: "lines", name: title, line: {dash, width, color: colour(paint)},
      hovertemplate: `${title}, %{x:.1f}: %{y:.0f}%<extra></extra>`,
    };
  });
  Plotly.react(place, traces, layout({
    xaxis: {title: {text: "place along the path"}, range: [0, 1]},
    yaxis: {title: {text: "response (% of its start)"}, rangemode: "tozero"},
    height: 280, margin: {l: 55, r: 10, t: 44, b: 45}, showlegend: true,
    legend: {orientation: "h", y: 1.02, yanchor: "bottom"},
  }), CHART);
}

// Every index of the unit among the units of its layer, with the model cells as ticks.
function drawIndices(place, row) {
  const same = ofLayer(row);
  const {cells} = study;
  const names = study.strips.filter((name) => hasPlace(name, row[name]));
  const across = place.clientWidth < 640 ? 1 : 2;
  const traces = [];
  const axes = {};
  names.forEach((name, number) => {
    const suffix = number ? String(number + 1) : "";
    const on = {xaxis: `x${suffix}`, yaxis: `y${suffix}`, type: "scatter", mode: "markers", showlegend: number === 0};
    const hovertemplate = "%{text}: %{x:.3g}<extra></extra>";
    // All ticks as one line with gaps, as hundreds of marks in each strip would be slow.
    const values = same.map((other) => other[name]).filter((value) => hasPlace(name, value));
    traces.push({
      ...on, mode: "lines", x: values.flatMap((value) => [value, value, null]),
      y: values.flatMap(() => [-0.45, 0.45, null]), hoverinfo: "skip",
      name: "units of the layer", legendgroup: "layer", line: {width: 1, color: colour("soft")},
    });
    if (study.calibrated.includes(name)) {
      cells.forEach((cell, at) => traces.push({
        ...on, x: [cell[name]], y: [-1], text: [unitName(cell)], hovertemplate,
        name: `${unitName(cell)} cell`, legendgroup: cell.id,
        marker: {symbol: CELL_SYMBOLS[at % CELL_SYMBOLS.length], size: 8, color: colour("text")},
      }));
    }
    traces.push({
      ...on, x: [row[name]], y: [0.9], text: [unitName(row)], hovertemplate,
      name: "this unit", legendgroup: "unit",
      marker: {symbol: "triangle-down", size: 13, color: colour("mark")},
    });
    axes[`xaxis${suffix}`] = {
      title: {text: study.indices[name][0], standoff: 2, font: {size: 11}}, anchor: `y${suffix}`,
      type: study.logarithmic.includes(name) ? "log" : "linear", tickfont: {size: 10}, nticks: 8,
    };
    axes[`yaxis${suffix}`] = {visible: false, range: [-1.7, 1.7], fixedrange: true, anchor: `x${suffix}`};
  });
  Plotly.react(place, traces, layout({
    ...axes, grid: {rows: Math.ceil(names.length / across), columns: across, pattern: "independent", xgap: 0.06, ygap: 1.1},
    height: 84 * Math.ceil(names.length / across) + 90, margin: {l: 12, r: 12, t: 60, b: 40}, showlegend: true,
    legend: {orientation: "h", x: 0, y: 1, yanchor: "top", yref: "container"},
  }), CHART);
}
