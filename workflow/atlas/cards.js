"use strict";
// The list of units: a card each, made when one scrolls near.

const CHUNK = 60;
let listed = [];
let shown = 0;

function card(row) {
  const index = state.sort || state.x;
  const value = `${study.indices[index][0]} ${readable(row[index])}`;
  const alt = `${study.images} diverse stimuli`;
  const item = make(
    "li", {},
    make(
      "a", {class: "card", href: linkTo({unit: row.id}), "data-unit": row.id},
      crop(row, study.places.diverse, study.images, 48, alt),
      make("strong", {}, fullName(row)),
      make("span", {}, `${row.label || row.missing || "no label"}; ${value}`),
    ),
  );
  for (const event of ["pointerenter", "focusin"]) item.addEventListener(event, () => point(row));
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
}

function watchScroll() {
  new IntersectionObserver(
    (seen) => seen.some((entry) => entry.isIntersecting) && shown < listed.length && more(),
    {rootMargin: "800px"},
  ).observe(byId("more"));
}

// Move the focus by so many cards.
function step(by) {
  const cards = [...byId("cards").querySelectorAll(".card")];
  const at = cards.indexOf(document.activeElement);
  const next = at < 0 ? 0 : Math.max(0, at + by);
  if (next >= cards.length - 1) more();
  cards[Math.min(next, cards.length - 1)]?.focus();
}
