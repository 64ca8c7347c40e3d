"use strict";
// The map: two indices of all listed units, each point linked to its unit.

const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "hexagon"];
let kept = null; // ids of the units that were dragged over, or null for all

function groups(rows) {
  const found = new Map();
  const named = {
    network: (row) => row.network,
    layer: (row) => `${row.network} ${row.layer}`,
    label: (row) => row.label || "no label",
  }[state.colour];
  const all = [...new Set(study.rows.filter((row) => !row.truth).map(named))];
  if (state.colour === "label") all.sort();
  for (const row of rows.filter((row) => !row.truth)) {
    const name = named(row);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(row);
  }
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
  const placed = rows.filter((row) => row[state.x] !== null && row[state.y] !== null);
  const cells = placed.filter((row) => row.truth);
  const middle = (Math.min(...placed.map((row) => row[state.x])) + Math.max(...placed.map((row) => row[state.x]))) / 2;
  const traces = groups(placed).map(([name, members, marker]) => trace(members, {
    name: `${name} (${members.length})`, mode: "markers", marker,
  }));
  if (cells.length) {
    traces.push(trace(cells, {
      name: "model cells", mode: "markers+text", text: cells.map(unitName),
      textposition: cells.map((row) => (row[state.x] > middle ? "middle left" : "middle right")),
      textfont: {size: 10}, cliponaxis: false,
      marker: {symbol: "cross-thin", size: 10, line: {width: 2, color: colour("text")}},
    }));
  }
  traces.push({
    x: [null], y: [null], mode: "markers", showlegend: false, hoverinfo: "skip",
    marker: {symbol: "circle-open", size: 17, line: {width: 3, color: colour("mark")}},
  });
  const lines = (name, across) => (study.borders[name] ?? []).map((at) => ({
    type: "line", layer: "below", line: {dash: "dot", width: 1.6, color: colour("soft")},
    ...(across
      ? {x0: at, x1: at, y0: 0, y1: 1, yref: "paper"}
      : {x0: 0, x1: 1, xref: "paper", y0: at, y1: at}),
  }));
  Plotly.react("scatter", traces, layout({
    xaxis: axis(state.x), yaxis: axis(state.y), dragmode: "select", showlegend: true,
    legend: {orientation: "h", y: 1.02, yanchor: "bottom"}, height: 460, margin: {l: 60, r: 10, t: 30, b: 50},
    shapes: [...lines(state.x, true), ...lines(state.y, false)],
  }), CHART);
  const away = rows.length - placed.length;
  byId("unplaced").textContent = away ? `${away} of ${rows.length} units lack one of the two indices.` : "";
  const names = [state.x, state.y].map((name) => study.indices[name][0]);
  byId("scatter").setAttribute("role", "img");
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

// Ring the unit's point.
function point(row) {
  const chart = byId("scatter");
  if (chart.data) Plotly.restyle(chart, {x: [[row[state.x]]], y: [[row[state.y]]]}, [chart.data.length - 1]);
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
    if (!event) return;
    kept = new Set(event.points.map((at) => at.customdata));
    showList();
  });
  chart.on("plotly_deselect", () => { kept = null; showList(); });
}

// The unit's diverse stimuli beside the pointer.
function tip(row, pointer) {
  const box = byId("tip");
  const values = [state.x, state.y].map((name) => `${study.indices[name][0]} ${readable(row[name])}`);
  box.replaceChildren(
    make("strong", {}, fullName(row)), make("span", {}, row.label || "no label"),
    crop(row, study.places.diverse, study.images, 48, ""),
    ...values.map((text) => make("span", {}, text)),
  );
  box.hidden = false;
  const left = Math.min(pointer.clientX + 14, innerWidth - box.offsetWidth - 8);
  const top = Math.min(pointer.clientY + 14, innerHeight - box.offsetHeight - 8);
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}
