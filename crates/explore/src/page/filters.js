// Search, filters, and which model and colours the map shows.
function refresh() {
  filter();
  page = 0;
  showList();
  redraw();
}

function setTag(tag) {
  state.tag = tag;
  byId("tag").value = String(tag);
  refresh();
  say(byId("count").textContent);
}

function setModel(model) {
  if (model === state.model || !data.models[model]) return;
  state.model = model;
  for (const radio of document.getElementsByName("model")) radio.checked = Number(radio.value) === model;
  moveTo(model);
  say(`Map of ${data.models[model].name}`);
}

function setUpFilters() {
  const counts = data.cultures.map(() => 0);
  clips.culture.forEach((culture) => { counts[culture] += 1; });
  byId("cultures").append(...data.cultures.map((name, at) => {
    const box = el("input", { type: "checkbox", checked: true, value: at });
    box.addEventListener("change", () => {
      if (box.checked) state.cultures.add(at);
      else state.cultures.delete(at);
      refresh();
    });
    return el("label", {}, box, glyph(at), el("span", {}, name), el("span", { class: "n" }, String(counts[at])));
  }));
  const used = data.tags.map(() => 0);
  clips.tags.forEach((tags) => tags.forEach((tag) => { used[tag] += 1; }));
  byId("tag").append(el("option", { value: -1 }, "any"),
    ...data.tags.map((tag, at) => el("option", { value: at }, `${tag} (${used[at]})`)));
  byId("tag").addEventListener("change", (event) => { state.tag = Number(event.target.value); refresh(); });
  let waits = 0;
  byId("search").addEventListener("input", (event) => {
    state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    clearTimeout(waits);
    waits = setTimeout(refresh, 60);
  });
  byId("playable").addEventListener("change", (event) => { state.playable = event.target.checked; refresh(); });
  byId("playable").disabled = !clips.sound.some((sound) => sound > 0);
  byId("clear").addEventListener("click", () => {
    Object.assign(state, { words: [], tag: -1, playable: false, cultures: new Set(data.cultures.keys()) });
    byId("search").value = "";
    byId("tag").value = "-1";
    byId("playable").checked = false;
    for (const box of byId("cultures").querySelectorAll("input")) box.checked = true;
    refresh();
    say(byId("count").textContent);
  });
  const several = data.models.length > 1;
  byId("models").hidden = !several;
  byId("help-model").hidden = !several;
  byId("model-choice").append(...data.models.map((model, at) => {
    const radio = el("input", { type: "radio", name: "model", value: at, checked: at === 0 });
    radio.addEventListener("change", () => setModel(at));
    return el("label", {}, radio, el("span", {}, model.name));
  }));
  byId("colour").append(el("option", { value: "culture" }, "culture"));
  if (several) byId("colour").append(el("option", { value: "shared" }, "neighbours that both models share"));
  byId("colour").parentElement.hidden = !several;
  for (let step = 0; step < 5; step += 1) {
    const counts = Array.from({ length: data.k + 1 }, (_, count) => count).filter((count) => stepOf(count) === step);
    if (!counts.length) continue;
    const [least, most] = [counts[0], counts[counts.length - 1]];
    const text = least === most ? `${least}` : `${least}–${most}`;
    byId("steps").append(el("li", {}, glyph(0, `--n${step}`), text));
  }
  byId("colour").addEventListener("change", (event) => {
    state.colour = event.target.value;
    byId("steps").hidden = state.colour !== "shared";
    redraw();
  });
  byId("before").addEventListener("click", () => turn(-1));
  byId("after").addEventListener("click", () => turn(1));
}
