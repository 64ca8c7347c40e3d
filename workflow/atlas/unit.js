"use strict";
// All that is known of one unit, in a dialog.

const blocks = new Map(); // of units' numbers, as they are read
const waiting = new Map();
let opened = {row: null, draw: []}; // the unit that is shown, and what draws its charts
let loop = null; // the series over phase: its timer, how to show a picture of it, where it is

// Called by each file of numbers.
function addBlock(name, units) {
  blocks.set(name, units);
}

// The numbers of a unit, read when first asked for.
async function numbers(row) {
  const name = blockName(row);
  if (!waiting.has(name)) waiting.set(name, readScript(`blocks/${name}.js`));
  try {
    await waiting.get(name);
  } catch (error) {
    waiting.delete(name); // to be tried again
    throw error;
  }
  return blocks.get(name)[row.channel];
}

// Show a unit. What it is stands there at once, the rest when its numbers are read.
async function openUnit(row) {
  if (opened.row === row) return;
  const held = document.activeElement.id;
  clearUnit();
  opened = {row, draw: []};
  const dialog = byId("unit");
  const body = make("div", {}, make("p", {role: "status"}, "Its numbers are being read."));
  dialog.replaceChildren(head(row), body);
  if (dialog.open) (dialog.querySelector(`#${held || "unit-title"}:enabled`) ?? byId("unit-title")).focus();
  else dialog.showModal();
  dialog.scrollTop = 0;
  let unit;
  try {
    unit = await numbers(row);
  } catch (error) {
    body.replaceChildren(make("p", {class: "missing"}, `Its numbers are not here: ${error.message}. Is the folder whole?`));
    return;
  }
  if (opened.row !== row) return; // another was opened meanwhile
  const chart = (label, draw) => {
    const place = make("div", {class: "chart", role: "img", "aria-label": label});
    opened.draw.push(() => draw(place));
    return place;
  };
  body.replaceChildren(
    sets(row, unit),
    phaseSection(row, unit, chart),
    textureSection(row, unit, chart),
    warpSection(row, unit, chart),
    indexSection(row, chart),
    provenance(row),
  );
  drawCharts();
  loop?.show(0);
  if (loop && !matchMedia("(prefers-reduced-motion: reduce)").matches) runLoop(true);
}

// Draw the charts of the unit that is shown, once the charting library is there.
function drawCharts() {
  if (window.Plotly) opened.draw.forEach((draw) => draw());
}

function closeUnit() {
  if (!opened.row) return;
  const at = listed.indexOf(opened.row);
  clearUnit();
  byId("unit").close();
  if (at >= 0) focusCard(at);
}

function clearUnit() {
  if (loop) clearInterval(loop.timer);
  loop = null;
  // Charts that are only taken out of the page would stay in memory.
  for (const place of byId("unit").querySelectorAll(".js-plotly-plot")) Plotly.purge(place);
  byId("unit").replaceChildren();
  opened = {row: null, draw: []};
}

function head(row) {
  const at = listed.indexOf(row);
  const button = (id, text, act, title, able = true) => {
    const element = make("button", {type: "button", id, title, disabled: able ? null : ""}, text);
    element.onclick = act;
    return element;
  };
  return make(
    "header", {},
    make("h2", {id: "unit-title", tabindex: -1}, `${fullName(row)} `, make("span", {class: "label"}, row.label || "no label")),
    make(
      "nav", {"aria-label": "Units"},
      button("previous", "← previous", () => neighbour(-1), "k or ←", at > 0),
      button("next", "next →", () => neighbour(1), "j or →", at >= 0 && at < listed.length - 1),
      make("a", {href: `#unit=${row.id}`}, "link to this unit"),
      button("close", "Close", () => go({unit: ""}), "Esc"),
    ),
  );
}

function neighbour(by) {
  const at = listed.indexOf(opened.row);
  if (at >= 0 && listed[at + by]) go({unit: listed[at + by].id});
}

function section(title, ...content) {
  return make("section", {}, make("h3", {}, title), ...content);
}

function picture(box, ...lines) {
  return make("figure", {}, box, make("figcaption", {}, ...lines.flatMap((line) => [line, make("br")]).slice(0, -1)));
}

function sets(row, unit) {
  const set = (name, title, all) => {
    const pictures = unit[`${name}_response`].map((share, number) => {
      const [column, line] = study.places[name];
      const alt = `${title} ${number + 1} of ${study.images}, response ${percent(share)} of a_max`;
      return picture(crop(row, [column + number, line], 72, alt), percent(share));
    });
    const least = `least distance ${readable(unit[`${name}_distance`])}`;
    return make("div", {}, make("h4", {}, all, make("span", {class: "label"}, `, ${least}`)), make("div", {class: "pictures"}, ...pictures));
  };
  return section(
    "Stimuli", make("p", {class: "hint"}, `Receptive field ${row.rf} pixels. Below each its response, in percent of a_max, the largest over the restarts (${readable(row.a_max)} times the channel's mean response to photos). `, make("a", {href: sheet(row)}, "All pictures, each pixel as it is")),
    make("div", {class: "row"}, set("diverse", "diverse stimulus", "Diverse set"), set("restarts", "random restart", "Random restarts")),
  );
}

function phaseSection(row, unit, chart) {
  if (unit.phase_missing) return section("Phase", make("p", {class: "missing"}, `No index: ${unit.phase_missing}.`));
  const count = study.phases.length;
  const box = crop(row, study.places.series, 192, "the best stimulus, every component shifted by the same phase");
  const image = box.querySelector("img");
  const width = parseFloat(box.style.width);
  const slider = make("input", {type: "range", min: 0, max: count - 1, value: 0, "aria-label": "phase of the picture"});
  const button = make("button", {type: "button", id: "loop", "aria-describedby": "phase-title"}, "Run");
  const said = make("span", {});
  const place = chart("Response over phase", (at) => drawTuning(at, unit));
  const showPhase = (number) => {
    loop.at = number;
    image.style.left = `${-(study.places.series[0] + number) * width}px`;
    slider.value = number;
    said.textContent = `${Math.round((study.phases[number] * 180) / Math.PI)}°, response ${percent(unit.series_response[number])}`;
    if (place.data) markPhase(place, unit, number);
  };
  loop = {at: 0, timer: null, show: showPhase, button, count};
  slider.oninput = () => { runLoop(false); showPhase(Number(slider.value)); };
  button.onclick = () => runLoop(!loop.timer);
  return section(
    make("span", {id: "phase-title"}, "Series over phase"),
    make("div", {class: "row"}, make("figure", {}, box, make("figcaption", {}, said), slider, button), place),
  );
}

function runLoop(on) {
  clearInterval(loop.timer);
  loop.timer = on ? setInterval(() => loop.show((loop.at + 1) % loop.count), 150) : null;
  loop.button.textContent = on ? "Stop" : "Run";
}

function textureSection(row, unit, chart) {
  const box = crop(row, study.places.texture, 230, "texture", 2);
  const content = [picture(box, "one texture, optimised for the response to every crop of it")];
  if (unit.texture_missing) content.push(make("p", {class: "missing"}, `No index: ${unit.texture_missing}.`));
  else content.push(chart("Response to the crop cut at each place", (at) => drawCrops(at, unit.crops)));
  return section("Texture", make("div", {class: "row"}, ...content));
}

function warpSection(row, unit, chart) {
  const said = unit.warp_missing ? [make("p", {class: "missing"}, `An index is missing: ${unit.warp_missing}.`)] : [];
  if (unit.source === undefined) return section("Warp", ...said);
  const [column, line] = study.places.diverse;
  const of = (number) => [column + number, line];
  const wide = 120;
  const grid = crop(row, of(unit.source), wide, "where the straight grid of the warped stimulus lies in the source");
  grid.append(gridLines(unit.grid, row.rf));
  return section(
    "Warp", ...said,
    make("p", {class: "hint"}, "The pair of diverse stimuli whose warp gains the median over the affine map."),
    make(
      "div", {class: "row"},
      make(
        "div", {class: "pictures"},
        picture(crop(row, of(unit.source), wide, "source"), "source"),
        picture(crop(row, of(unit.target), wide, "target"), "target"),
        picture(crop(row, study.places.warped, wide, "source under the warp"), "source, warped",
          `explains ${percent(unit.explained_warp)}`, `affine map ${percent(unit.explained_affine)}`),
        picture(crop(row, study.places.residual, wide, "target less warped source"), "what is left",
          ...(unit.turned ? ["contrast turned"] : [])),
        picture(grid, "where it looks", `least Jacobian ${readable(unit.jacobian)}`),
      ),
      chart("Response along warps", (at) => drawPaths(at, unit)),
    ),
  );
}

function gridLines(lines, side) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `-0.5 -0.5 ${side} ${side}`);
  svg.setAttribute("aria-hidden", "true");
  for (const points of lines) {
    const line = document.createElementNS(space, "polyline");
    line.setAttribute("points", points.map((point) => point.join(",")).join(" "));
    line.setAttribute("fill", "none");
    line.setAttribute("stroke", "#000");
    line.setAttribute("stroke-width", side / 150);
    svg.append(line);
  }
  return svg;
}

function indexSection(row, chart) {
  const {cells} = study;
  const same = ofLayer(row);
  const names = Object.keys(study.indices).filter((name) => name !== "rf");
  const head = ["index", "this unit", "median of its layer", ...cells.map((cell) => `${unitName(cell)} cell`)];
  const lines = names.map((name) => {
    const known = study.calibrated.includes(name);
    const [title, measure] = study.indices[name];
    return make(
      "tr", {},
      make("th", {scope: "row"}, title, make("span", {class: "label"}, ` (${measure})`)),
      make("td", {class: "own"}, readable(row[name])),
      make("td", {}, readable(median(same.map((other) => other[name])))),
      ...cells.map((cell) => make("td", {}, known ? readable(cell[name]) : "")),
    );
  });
  const table = make(
    "table", {},
    make("thead", {}, make("tr", {}, ...head.map((text) => make("th", {scope: "col"}, text)))),
    make("tbody", {}, ...lines),
  );
  return section(
    "Indices",
    ...(row.missing ? [make("p", {class: "missing"}, `Missing: ${row.missing}.`)] : []),
    chart("Each index of this unit among the units of its layer and the model cells; the table has the same numbers", (at) => drawIndices(at, row)),
    make("div", {class: "wide", tabindex: 0, role: "group", "aria-label": "Table of indices"}, table),
  );
}

function median(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function provenance(row) {
  const stages = {
    stimuli: `../stimuli/${blockName(row)}`,
    phase: `../phase/${blockName(row)}`,
    warp: `../warp/${blockName(row)}`,
    "row of the table": "../tables/units",
  };
  const links = Object.entries(stages).map(([name, path]) => make("li", {}, make("a", {href: `${path}.record.json`}, `record of its ${name}`)));
  return section(
    "Provenance",
    make("p", {}, "What made this, from what, by which code, when and where: "),
    make("ul", {}, ...links),
    make("p", {}, "Is it still what it says it is? ", make("code", {}, `uv run invariscope audit results/${study.name}/phase/${blockName(row)}.nc`)),
  );
}
