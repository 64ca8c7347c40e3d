"use strict";
// The page: what the study has, what is chosen of it, keys.

let study = null;

// Called by the file of the study's data, the last to be read.
function startAtlas(data) {
  study = data;
  const names = Object.keys(data.units);
  study.rows = data.units.channel.map((channel, at) => {
    const row = Object.fromEntries(names.map((name) => [name, data.units[name][at]]));
    return {...row, at, id: `${row.network}/${row.layer}/${channel}`};
  });
  study.byId = Object.fromEntries(study.rows.map((row) => [row.id, row]));
  study.cells = study.rows.filter((row) => row.truth);
  study.blocks = Map.groupBy(study.rows, blockName);
  const indices = Object.entries(study.indices).map(([name, [title]]) => [name, title]);
  fill(byId("sort"), [["", "order of the study"], ...indices]);
  fill(byId("x"), indices);
  fill(byId("y"), indices);
  fill(byId("network"), allOr(study.rows.map((row) => row.network)));
  fill(byId("label"), [...allOr(study.labels), ["none", "no label"]]);
  // What else changes with a control: layers are those of the network, and what was dragged over
  // has no place on other axes.
  const along = {network: {layer: ""}, x: {keep: ""}, y: {keep: ""}};
  for (const control of controls()) {
    control.addEventListener("input", () => go({[control.id]: control.value, ...along[control.id]}));
  }
  byId("reset").onclick = () => go({network: "", layer: "", label: "", find: "", keep: ""});
  byId("theme").onclick = turnTheme;
  byId("help").onclick = () => byId("keys").showModal();
  byId("unit").addEventListener("close", () => { if (state.unit) go({unit: ""}); });
  addEventListener("popstate", () => { readState(); show(); });
  addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  for (const form of document.querySelectorAll("form:not([method])")) {
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  readState();
  show();
  // The list is seen before the charting library, the largest file, is read.
  requestAnimationFrame(() => setTimeout(() => readScript("plotly.min.js").then(
    () => { show(); drawCharts(); },
    (error) => { byId("unplaced").textContent = `No map: ${error.message}. Is the folder whole?`; },
  )));
}

function controls() {
  return [...document.querySelectorAll("select, input[type=search]")];
}

let seen = ""; // the view that is listed
let drawn = ""; // and that of the map
let painted = ""; // and in which colours

// Bring the page to the present state.
function show() {
  const unknown = correct();
  document.documentElement.dataset.theme = theme();
  const {unit, theme: _, ...view} = state;
  const now = JSON.stringify(view);
  if (now !== seen || unknown.length) showList(unknown);
  seen = now;
  document.title = unit ? `${fullName(study.byId[unit])} in ${study.name}` : `Atlas of ${study.name}`;
  if (window.Plotly) drawMap();
  if (painted && painted !== theme()) drawCharts();
  painted = theme();
  if (unit) openUnit(study.byId[unit]);
  else closeUnit();
}

// Set the controls. What the address names and the study lacks is given back, and left out.
function correct() {
  const layers = study.rows.filter((row) => !state.network || row.network === state.network);
  fill(byId("layer"), allOr(layers.map((row) => row.layer)));
  const known = {
    unit: (value) => Object.hasOwn(study.byId, value),
    theme: (value) => ["dark", "light"].includes(value),
    keep: (value) => /^(-?[\d.]+(e-?\d+)?,?){4}$/.test(value),
  };
  for (const control of controls()) {
    if (control.matches("select")) known[control.id] = (value) => [...control.options].some((option) => option.value === value);
  }
  const unknown = [];
  for (const [name, isKnown] of Object.entries(known)) {
    if (state[name] === DEFAULTS[name] || isKnown(state[name])) continue;
    unknown.push(`${name} ${state[name]}`);
    state[name] = DEFAULTS[name];
  }
  for (const control of controls()) control.value = state[control.id];
  return unknown;
}

function chosen() {
  const words = state.find.toLowerCase().split(/\s+/).filter(Boolean);
  // A number is the beginning of a channel's, any other word stands anywhere in the name.
  const found = (row, word) => (/^\d+$/.test(word) ? String(row.channel).startsWith(word) : fullName(row).toLowerCase().includes(word));
  const rows = study.rows.filter((row) =>
    (!state.network || row.network === state.network)
    && (!state.layer || row.layer === state.layer)
    && (!state.label || (row.label || "none") === state.label)
    && words.every((word) => found(row, word)));
  if (state.sort) {
    const sign = state.order === "down" ? -1 : 1;
    const missing = (row) => row[state.sort] === null;
    rows.sort((a, b) => missing(a) - missing(b) || sign * (a[state.sort] - b[state.sort]) || a.at - b.at);
  }
  return rows;
}

function showList(unknown = []) {
  const rows = chosen().filter(isKept);
  const dragged = state.keep ? ", those dragged over" : "";
  const faults = unknown.length ? `The link names what this study lacks: ${unknown.join(", ")}. ` : "";
  byId("status").textContent = `${faults}${rows.length} of ${study.rows.length} units${dragged}`;
  list(rows);
}

// The map, if what it shows has changed.
function drawMap() {
  const {unit, sort, order, ...shown} = state;
  const now = JSON.stringify([shown, theme()]);
  if (now === drawn) return;
  const first = !drawn;
  drawn = now;
  drawScatter(chosen());
  if (first) watchScatter();
}

function turnTheme() {
  go({theme: theme() === "dark" ? "light" : "dark"});
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  // Arrows scroll the wide table, and nothing happens behind the list of keys.
  if (byId("keys").open || (event.key.startsWith("Arrow") && event.target.matches(".wide"))) return;
  const open = byId("unit").open;
  const forth = () => (open ? neighbour(1) : step(1));
  const back = () => (open ? neighbour(-1) : step(-1));
  const act = {
    j: forth, ArrowRight: forth,
    k: back, ArrowLeft: back,
    "/": () => { if (!open) byId("find").focus(); },
    " ": () => loop && runLoop(!loop.timer),
    t: turnTheme,
    "?": () => byId("keys").showModal(),
  }[event.key];
  if (!act || (event.key === " " && (!loop || event.target.matches("button, a")))) return;
  event.preventDefault();
  act();
}
