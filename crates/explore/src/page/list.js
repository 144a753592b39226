// The same collection as a list, a page at a time.
const onPage = 30;
let page = 0;

function showList() {
  const last = Math.max(0, Math.ceil(matches.length / onPage) - 1);
  page = Math.min(Math.max(0, page), last);
  const shown = matches.slice(page * onPage, (page + 1) * onPage);
  byId("rows").replaceChildren(...shown.map((at) => {
    const play = hasSound(at)
      ? el("button", { type: "button", "aria-label": `Play ${label(at)}`, on: () => { select(at, "list"); toggleSound(); } }, "Play")
      : null;
    return el("li", { class: "row", "data-at": at, "aria-current": at === state.selected ? "true" : null }, button(at), play);
  }));
  byId("rows").start = page * onPage + 1;
  byId("page").textContent = matches.length ? `${page + 1} of ${last + 1}` : "nothing found";
  byId("before").disabled = page === 0;
  byId("after").disabled = page === last;
  const found = `${matches.length} of ${n} ${unit}s`;
  byId("count").textContent = found;
}

function markRow() {
  for (const row of byId("rows").children) {
    if (Number(row.dataset.at) === state.selected) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function turn(by) {
  page += by;
  showList();
  byId("list-h").focus();
}
