"use strict";
// Small things that all parts use.

// An element with attributes and content; texts are never read as HTML.
function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) element.setAttribute(name, value);
  }
  element.append(...content);
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => make("option", {value}, text)));
}

// Options of a filter: all, or one of the names.
function allOr(names) {
  return [["", "all"], ...[...new Set(names)].map((name) => [name, name])];
}

// A number as one reads it: three digits, small ones by their bound.
function readable(value) {
  if (value === null) return "none";
  if (value !== 0 && Math.abs(value) < 0.001) return value > 0 ? "< 0.001" : "> −0.001";
  return Number(value.toPrecision(3)).toLocaleString("en", {maximumSignificantDigits: 3}).replace("-", "−");
}

// Read a further script; pages opened from disk may read nothing else.
function readScript(src) {
  return new Promise((resolve, reject) => {
    const script = make("script", {src});
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${src} cannot be read`));
    document.head.append(script);
  });
}

function percent(share) {
  return share === null ? "none" : `${Math.round(100 * share)}%`;
}

function unitName(row) {
  return row.truth ? row.truth.replaceAll("_", " ") : `unit ${row.channel}`;
}

// All units of a unit's layer.
function ofLayer(row) {
  return study.rows.filter((other) => other.network === row.network && other.layer === row.layer);
}

function fullName(row) {
  return `${row.network} ${row.layer} ${unitName(row)}`;
}

// A window of pixels of a picture of [width, height]. Small ones are enlarged a whole number of times, without
// smoothing, so that the window is `wide` pixels on the screen at most.
function windowOn(src, [wholeWidth, wholeHeight], {left, top, width, height}, wide, alt) {
  const zoom = wide < width ? wide / width : Math.floor(wide / width);
  const image = make("img", {src, alt, loading: "lazy", decoding: "async"});
  // Its height, too: a picture without one lies outside the window until it is read, so that it
  // would never be.
  image.style.width = `${wholeWidth * zoom}px`;
  image.style.height = `${wholeHeight * zoom}px`;
  image.style.left = `${-left * zoom}px`;
  image.style.top = `${-top * zoom}px`;
  const box = make("span", {class: zoom < 1 ? "crop" : "crop exact"}, image);
  box.style.width = `${width * zoom}px`;
  box.style.height = `${height * zoom}px`;
  return box;
}

function sheet(row) {
  return `units/${row.network}/${row.layer}/${row.channel}.png`;
}

// The picture in a cell (column, row) of a unit's sheet; the texture takes up two cells each way.
function crop(row, [column, line], wide, alt, cells = 1) {
  const side = cells * row.rf - (cells - 1);
  const cell = {left: column * row.rf, top: line * row.rf, width: side, height: side};
  return windowOn(sheet(row), [study.columns * row.rf, 4 * row.rf - 1], cell, wide, alt);
}

// The diverse set of a unit in small.
function strip(row, alt) {
  const side = Math.min(row.rf, study.small);
  const whole = study.images * side;
  const at = {left: 0, top: row.place * side, width: whole, height: side};
  const size = [whole, study.blocks.get(blockName(row)).length * side];
  return windowOn(`blocks/${blockName(row)}.png`, size, at, Math.min(288, 48 * study.images), alt);
}

function blockName(row) {
  return `${row.network}/${row.layer}/${row.block}`;
}

// Whether a value has a place on an index's axis.
function hasPlace(name, value) {
  return value !== null && (value > 0 || !study.logarithmic.includes(name));
}

function theme() {
  return state.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// What all charts share.
function layout(more) {
  const axis = {
    gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("soft"),
    automargin: true,
  };
  const axes = Object.fromEntries(
    Object.entries(more).filter(([name]) => /^[xy]axis/.test(name))
      .map(([name, own]) => [name, {...axis, ...own}]),
  );
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {family: "system-ui, sans-serif", size: 12, color: colour("text")},
    margin: {l: 50, r: 10, t: 10, b: 40}, showlegend: false, hovermode: "closest",
    ...more, ...axes,
  };
}

const CHART = {displayModeBar: false, responsive: true};
