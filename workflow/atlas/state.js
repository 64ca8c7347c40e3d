"use strict";
// What is shown. It stands in the address, after '#', so that every view has a link.

const DEFAULTS = {
  network: "", layer: "", label: "", find: "", sort: "", order: "up",
  x: "f1_f0", y: "retention_above_controls", colour: "network", drag: "", theme: "",
  keep: "", // what was dragged over in the map: from and to across, from and to up
  unit: "",
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
  return "#" + String(parts).replaceAll("%2F", "/").replaceAll("%2C", ",");
}

// Change the view. Opening a unit makes an entry of the browser's history, so that its button goes
// back to the list; other changes alter the present entry.
function go(changes) {
  const link = linkTo(changes);
  if (changes.unit && !state.unit) history.pushState(null, "", link);
  else history.replaceState(null, "", link);
  readState();
  show();
}
