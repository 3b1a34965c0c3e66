"use strict";
// Sorting by a column's heading.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const numeric = head.dataset.sort === "number";
      const keyed = [...body.rows].map((row) => {
        const cell = row.cells[column];
        const value = numeric ? Number.parseFloat(cell.dataset.value) : cell.textContent.trim();
        return { row, value };
      });
      keyed.sort((a, b) => {
        if (!numeric) return (up ? 1 : -1) * a.value.localeCompare(b.value);
        if (Number.isNaN(a.value) || Number.isNaN(b.value)) {
          return Number.isNaN(a.value) - Number.isNaN(b.value);
        }
        return (up ? 1 : -1) * (a.value - b.value);
      });
      body.append(...keyed.map((entry) => entry.row));
    });
  });
}
// A line's name picks it out in every chart: while pointed at, or kept by a click.
const main = document.querySelector("main");
const kept = new Set();
function light(more) {
  const lit = new Set(kept);
  if (more !== null) lit.add(more);
  main.classList.toggle("dimmed", lit.size > 0);
  for (const part of document.querySelectorAll("svg [data-series]")) {
    part.classList.toggle("lit", lit.has(part.dataset.series));
  }
}
for (const button of document.querySelectorAll(".legend button")) {
  const series = button.dataset.series;
  button.addEventListener("pointerenter", () => light(series));
  button.addEventListener("pointerleave", () => light(null));
  button.addEventListener("focus", () => light(series));
  button.addEventListener("blur", () => light(null));
  button.addEventListener("click", () => {
    if (!kept.delete(series)) kept.add(series);
    for (const twin of document.querySelectorAll(`.legend [data-series="${series}"]`)) {
      if (twin.localName === "button") twin.setAttribute("aria-pressed", String(kept.has(series)));
    }
    light(kept.has(series) ? series : null);
  });
}
