"use strict";
// What is shown. It stands in the address, after '#', so that every view has a link.

const DEFAULTS = {
  network: "", layer: "", label: "", find: "", sort: "", order: "up",
  x: "f1_f0", y: "retention_above_controls", colour: "network", theme: "", unit: "",
};
let state = {...DEFAULTS};

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  state = {...DEFAULTS};
  for (const key of Object.keys(DEFAULTS)) {
    if (given.has(key)) state[key] = given.get(key);
  }
}

// The address of the view with some changes.
function linkTo(changes) {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries({...state, ...changes})) {
    if (value !== DEFAULTS[key]) parts.set(key, value);
  }
  return "#" + String(parts).replaceAll("%2F", "/");
}

// Change the view. The browser's history gets an entry if a unit is opened or closed, so that its
// button goes back; otherwise the present entry follows.
function go(changes) {
  const link = linkTo(changes);
  if ("unit" in changes && !(state.unit && changes.unit)) history.pushState(null, "", link);
  else history.replaceState(null, "", link);
  readState();
  show();
}
