"use strict";
// The list of units: a card each, made when one scrolls near.

const CHUNK = 60;
let listed = [];
let shown = 0;

// An observer tells of changes only: after each part of the list it is asked anew whether the end
// is still near.
const nearEnd = new IntersectionObserver(
  (seen) => seen.at(-1).isIntersecting && more(), {rootMargin: "800px"},
);

function card(row) {
  const index = state.sort || state.x;
  const value = `${study.indices[index][0]} ${readable(row[index])}`;
  const item = make(
    "li", {},
    make(
      "a", {class: "card", href: linkTo({unit: row.id}), "data-unit": row.id},
      strip(row, `${study.images} diverse stimuli`),
      make("strong", {}, fullName(row)),
      make("span", {}, `${row.label || row.missing || "no label"}; ${value}`),
    ),
  );
  for (const event of ["pointerenter", "focusin"]) item.addEventListener(event, () => ring(row));
  return item;
}

function list(rows) {
  listed = rows;
  shown = 0;
  byId("cards").replaceChildren();
  more();
}

function more() {
  const next = listed.slice(shown, shown + CHUNK);
  shown += next.length;
  byId("cards").append(...next.map(card));
  nearEnd.unobserve(byId("more"));
  if (shown < listed.length) nearEnd.observe(byId("more"));
}

// Move the focus by so many cards.
function step(by) {
  const at = listed.findIndex((row) => row.id === document.activeElement.dataset.unit);
  focusCard(at < 0 ? 0 : Math.min(Math.max(0, at + by), listed.length - 1));
}

function focusCard(at) {
  while (at >= shown && shown < listed.length) more();
  byId("cards").children[at]?.firstChild.focus();
}
