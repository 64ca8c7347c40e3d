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
  const indices = Object.entries(study.indices).map(([name, [title]]) => [name, title]);
  fill(byId("sort"), [["", "order of the study"], ...indices]);
  fill(byId("x"), indices);
  fill(byId("y"), indices);
  const different = (name) => [...new Set(study.rows.map((row) => row[name]))];
  fill(byId("network"), [["", "all"], ...different("network").map((name) => [name, name])]);
  fill(byId("label"), [["", "all"], ...study.labels.map((name) => [name, name]), ["none", "no label"]]);
  for (const id of Object.keys(DEFAULTS)) {
    const control = byId(id);
    if (!control || !control.matches("select, input")) continue;
    control.addEventListener("input", () => {
      kept = null;
      go({[id]: control.value, ...(id === "network" ? {layer: ""} : {})});
    });
  }
  byId("reset").onclick = () => { kept = null; go({network: "", layer: "", label: "", find: ""}); };
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
  watchScroll();
  // The list is seen before the charting library, the largest file, is read.
  requestAnimationFrame(() => setTimeout(() => readScript("plotly.min.js").then(show)));
}

let seen = ""; // the view that is listed
let drawn = ""; // and that of the map

// Bring the page to the present state.
function show() {
  document.documentElement.dataset.theme = theme();
  const layers = [...new Set(study.rows.filter((row) => !state.network || row.network === state.network).map((row) => row.layer))];
  fill(byId("layer"), [["", "all"], ...layers.map((name) => [name, name])]);
  const unknown = [];
  for (const [id, value] of Object.entries(state)) {
    const control = byId(id);
    if (!control?.matches("select, input")) continue;
    if (control.matches("select") && ![...control.options].some((option) => option.value === value)) {
      unknown.push(`${id} ${value}`);
      state[id] = DEFAULTS[id];
    }
    control.value = state[id];
  }
  if (state.unit && !study.byId[state.unit]) {
    unknown.push(`unit ${state.unit}`);
    state.unit = "";
  }
  const {unit, theme: _, ...view} = state;
  const now = JSON.stringify(view);
  if (now !== seen || unknown.length) showList(unknown);
  seen = now;
  if (!window.Plotly) return;
  drawMap();
  if (unit) openUnit(study.byId[unit]);
  else closeUnit();
}

function chosen() {
  const words = state.find.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = study.rows.filter((row) =>
    (!state.network || row.network === state.network)
    && (!state.layer || row.layer === state.layer)
    && (!state.label || (row.label || "none") === state.label)
    && words.every((word) => fullName(row).toLowerCase().split(" ").some((part) => part.startsWith(word))));
  if (state.sort) {
    const sign = state.order === "down" ? -1 : 1;
    const missing = (row) => row[state.sort] === null;
    rows.sort((a, b) => missing(a) - missing(b) || sign * (a[state.sort] - b[state.sort]) || a.at - b.at);
  }
  return rows;
}

function showList(unknown = []) {
  const rows = chosen().filter((row) => !kept || kept.has(row.id));
  const dragged = kept ? ", those dragged over" : "";
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
  const open = byId("unit").open;
  const forth = () => (open ? neighbour(1) : step(1));
  const back = () => (open ? neighbour(-1) : step(-1));
  const act = {
    j: forth, ArrowRight: forth,
    k: back, ArrowLeft: back,
    "/": () => { if (!open) byId("find").focus(); },
    " ": () => loop && runLoop(!loop.timer),
    t: turnTheme,
    "?": () => { if (!byId("keys").open) byId("keys").showModal(); },
  }[event.key];
  if (!act || (event.key === " " && (!loop || event.target.matches("button, a")))) return;
  event.preventDefault();
  act();
}
