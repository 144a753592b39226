// What the page says of itself, and the first drawing.
function setUpFacts() {
  document.title = data.title;
  byId("title").textContent = data.title;
  byId("summary").textContent = data.summary;
  const licences = data.licences.map((licence) => el("tr", {}, el("th", { scope: "row" }, licence.name),
    el("td", {}, String(licence.n)), el("td", {}, licence.plays ? "yes" : "no"), el("td", {}, licence.why)));
  const head = ["Licence, as stated", `${unit[0].toUpperCase()}${unit.slice(1)}s`, "Sound", "Why"];
  const table = el("table", {}, el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...licences));
  byId("facts").append(...data.notes.map((note) => el("p", {}, note)), facts(data.facts),
    el("h3", { id: "licences-h" }, "Licences and sound"),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "licences-h" }, table));
}

setUpFacts();
setUpFilters();
setUpPointer();
setUpKeys();
filter();
showList();
fit();
new ResizeObserver(fit).observe(stage);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { theme = null; fit(); });
window.explorer = { times, state, maps, toX, toY, n };
