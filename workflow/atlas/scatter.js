"use strict";
// The map: two indices of all chosen units, each point linked to its unit.

const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "hexagon"];
const NAMED = 12; // groups that a legend names at most; beyond, pointing at a unit tells its layer
let ringed = null; // unit whose point is to be ringed, before the next picture of the screen
let lines = []; // shapes of the map but the ring

function groups(rows) {
  const named = {
    network: (row) => row.network,
    layer: (row) => `${row.network} ${row.layer}`,
    label: (row) => row.label || "no label",
  }[state.colour];
  const real = (all) => all.filter((row) => !row.truth);
  // Each has the colour that it has when all units are chosen.
  const all = [...new Set(real(study.rows).map(named))];
  if (state.colour === "label") all.sort();
  const found = Map.groupBy(real(rows), named);
  return all.filter((name) => found.has(name)).map((name) => {
    const at = all.indexOf(name);
    const marker = {
      color: study.palette[at % study.palette.length],
      symbol: SYMBOLS[Math.floor(at / study.palette.length) % SYMBOLS.length],
      size: 8, line: {width: 0.5, color: colour("page")},
    };
    return [name, found.get(name), marker];
  });
}

function drawScatter(rows) {
  const placed = rows.filter((row) => [state.x, state.y].every((name) => hasPlace(name, row[name])));
  const cells = placed.filter((row) => row.truth);
  const own = groups(placed);
  const traces = own.map(([name, members, marker]) => trace(members, {
    name: `${name} (${members.length})`, mode: "markers", marker,
  }));
  if (cells.length) {
    const middle = median(placed.map((row) => row[state.x]));
    traces.push(trace(cells, {
      name: "model cells", mode: "markers+text", text: cells.map(unitName),
      textposition: cells.map((row) => (row[state.x] > middle ? "middle left" : "middle right")),
      textfont: {size: 10}, cliponaxis: false,
      marker: {symbol: "cross-thin", size: 10, line: {width: 2, color: colour("text")}},
    }));
  }
  lines = [...borders(state.x, true), ...borders(state.y, false)];
  Plotly.react("scatter", traces, layout({
    xaxis: axis(state.x), yaxis: axis(state.y), dragmode: state.drag || "select", uirevision: `${state.x} ${state.y}`, showlegend: own.length <= NAMED,
    legend: {orientation: "h", y: 1.02, yanchor: "bottom"}, height: 460, margin: {l: 60, r: 10, t: 30, b: 50},
    shapes: lines, selections: kept() ? [selection(kept())] : [],
  }), CHART);
  const away = rows.length - placed.length;
  const why = [state.x, state.y].some((name) => study.logarithmic.includes(name)) ? ", or have none above 0" : "";
  byId("unplaced").textContent = away ? `${away} of ${rows.length} units lack one of the two indices${why}.` : "";
  const names = [state.x, state.y].map((name) => study.indices[name][0]);
  byId("scatter").setAttribute(
    "aria-label", `Scatter of ${placed.length} units: ${names[1]} against ${names[0]}. The list has the same units.`,
  );
}

function trace(rows, more) {
  return {
    type: "scatter", x: rows.map((row) => row[state.x]), y: rows.map((row) => row[state.y]),
    customdata: rows.map((row) => row.id), hoverinfo: "none", ...more,
  };
}

function axis(name) {
  const [title, measure] = study.indices[name];
  return {
    title: {text: `${title}<br><sub>${measure}</sub>`, standoff: 8},
    type: study.logarithmic.includes(name) ? "log" : "linear",
  };
}

function borders(name, across) {
  return (study.borders[name] ?? []).map((at) => ({
    type: "line", layer: "below", line: {dash: "dot", width: 1.6, color: colour("soft")},
    ...(across
      ? {x0: at, x1: at, y0: 0, y1: 1, yref: "paper"}
      : {x0: 0, x1: 1, xref: "paper", y0: at, y1: at}),
  }));
}

// What was dragged over, as [from, to] across and up; or null for all.
function kept() {
  const [x0, x1, y0, y1] = state.keep.split(",").map(Number);
  return state.keep ? [[x0, x1], [y0, y1]] : null;
}

function selection([across, up]) {
  return {type: "rect", x0: across[0], x1: across[1], y0: up[0], y1: up[1]};
}

function isKept(row) {
  const within = (value, [from, to]) => value !== null && value >= from && value <= to;
  return !kept() || (within(row[state.x], kept()[0]) && within(row[state.y], kept()[1]));
}

// Ring the unit's point, once before the next picture of the screen.
function ring(row) {
  if (!drawn) return;
  const waits = ringed !== null;
  ringed = row;
  if (waits) return;
  requestAnimationFrame(() => {
    const [x, y] = [ringed[state.x], ringed[state.y]];
    ringed = null;
    const seen = hasPlace(state.x, x) && hasPlace(state.y, y);
    const around = {
      type: "circle", xsizemode: "pixel", ysizemode: "pixel", xanchor: x, yanchor: y,
      x0: -9, x1: 9, y0: -9, y1: 9, line: {width: 3, color: colour("mark")},
    };
    Plotly.relayout("scatter", {shapes: seen ? [...lines, around] : lines});
  });
}

function watchScatter() {
  const chart = byId("scatter");
  chart.on("plotly_click", (event) => {
    byId("tip").hidden = true;
    go({unit: event.points[0].customdata});
  });
  chart.on("plotly_hover", (event) => tip(study.byId[event.points[0].customdata], event.event));
  chart.on("plotly_unhover", () => { byId("tip").hidden = true; });
  chart.on("plotly_selected", (event) => {
    if (!event?.range) return; // the map was drawn anew
    const ends = [event.range.x, event.range.y].map((range) => range.toSorted((a, b) => a - b));
    go({keep: ends.flat().map((value) => Number(value.toPrecision(5))).join(",")});
  });
  chart.on("plotly_deselect", () => { if (state.keep) go({keep: ""}); });
}

// The unit's diverse stimuli beside the pointer.
function tip(row, pointer) {
  const box = byId("tip");
  const values = [state.x, state.y].map((name) => `${study.indices[name][0]} ${readable(row[name])}`);
  box.replaceChildren(
    make("strong", {}, fullName(row)), make("span", {}, row.label || "no label"), strip(row, ""),
    ...values.map((text) => make("span", {}, text)),
  );
  box.hidden = false;
  const left = Math.min(pointer.clientX + 14, innerWidth - box.offsetWidth - 8);
  const top = Math.min(pointer.clientY + 14, innerHeight - box.offsetHeight - 8);
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}
