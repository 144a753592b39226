// What is known of the selected one: facts, sound, tags, predictions, neighbours in every model.
const audio = byId("audio");

const label = (at) => clips.name[at];

function button(at, extra) {
  const small = el("small", {}, `${data.cultures[clips.culture[at]]} · ${span(at)}`);
  return el("button", { type: "button", on: () => select(at, "button") }, glyph(clips.culture[at]),
    el("span", { class: "name" }, label(at), small), extra ?? null);
}

function facts(pairs) {
  const list = el("dl");
  for (const [name, value] of pairs) if (value) list.append(el("dt", {}, name), el("dd", {}, value));
  return list;
}

function predictions(at) {
  return data.predictions.flatMap((probe) => {
    const items = probe.top[at].map(([tag, permille]) => {
      const bar = el("u");
      bar.style.width = `${permille / 10}%`;
      return el("li", {}, el("span", {}, probe.tags[tag]), el("b", {}, `${(permille / 10).toFixed(0)} %`),
        el("i", { "aria-hidden": "true" }, bar));
    });
    return [el("h3", {}, `Tags predicted by ${probe.name}`), el("ol", { class: "guess" }, ...items)];
  });
}

function neighbours(at) {
  const shared = data.models.length > 1;
  const blocks = data.models.map((model, which) => {
    const others = shared ? new Set(data.models[1 - which].near[at]) : new Set();
    const items = model.near[at].map((other, rank) => {
      const cosine = (model.cos[at][rank] / 1000).toFixed(2).replace("-", "−");
      const both = others.has(other);
      const text = el("span", { class: "cos" }, both ? "both · " : "", cosine);
      return el("li", {}, button(other, text));
    });
    const none = el("li", { class: "soft" }, "None.");
    return el("div", {}, el("h3", {}, shared ? `Nearest to it for ${model.name}` : "Nearest to it"),
      el("ol", { class: "near" }, ...(items.length ? items : [none])));
  });
  const count = shared
    ? el("p", { class: "soft", id: "overlap" }, `The two models share ${data.shared[at]} of ${data.models[0].near[at].length} neighbours.`)
    : null;
  return [count, el("div", { class: "both" }, ...blocks)];
}

function showDetail() {
  const at = state.selected;
  const heading = byId("clip-h");
  const detail = byId("detail");
  audio.pause();
  byId("clip").scrollTop = 0;
  byId("near").hidden = at < 0;
  if (at < 0) {
    heading.textContent = "Nothing selected";
    audio.hidden = true;
    audio.removeAttribute("src");
    detail.replaceChildren(el("p", { class: "soft" }, "Select a point of the map or a line of the list."));
    return;
  }
  heading.textContent = label(at);
  const licence = data.licences[clips.licence[at]];
  audio.hidden = !hasSound(at);
  if (hasSound(at)) {
    audio.src = `audio/${String(at).padStart(5, "0")}.wav`;
    audio.setAttribute("aria-label", `Excerpt of ${label(at)}, ${clips.sound[at]} seconds`);
  } else {
    audio.removeAttribute("src");
  }
  const tags = clips.tags[at].map((tag) => el("li", {}, el("button", {
    type: "button", on: () => setTag(tag), "aria-label": `Show all with the tag ${data.tags[tag]}`,
  }, data.tags[tag])));
  detail.replaceChildren(
    facts([
      ["Culture", data.cultures[clips.culture[at]]],
      ["Time", span(at)],
      ["Group", clips.group[at]],
      ["Split", data.splits[clips.split[at]]],
      ["Licence", licence.name],
    ]),
    ...[hasSound(at) ? null : el("p", { class: "soft", id: "silence" }, silence(at)),
      tags.length ? el("h3", {}, "Tags") : null,
      tags.length ? el("ul", { class: "tags" }, ...tags) : null,
      ...predictions(at)].filter((part) => part !== null),
  );
  byId("near-h").textContent = `Neighbours of ${label(at)}`;
  byId("neighbours").replaceChildren(...neighbours(at).filter((part) => part !== null));
}

// Plays or stops the excerpt of the selected one.
function toggleSound() {
  const at = state.selected;
  if (at < 0) return;
  if (!hasSound(at)) {
    say(silence(at));
  } else if (audio.paused) {
    audio.currentTime = 0;
    audio.play().then(() => say(`Playing ${label(at)}`), () => say("The excerpt cannot be played."));
  } else {
    audio.pause();
    say("Stopped");
  }
}

function select(at, from) {
  const changed = at !== state.selected;
  state.selected = at;
  if (changed) {
    showDetail();
    markRow();
  }
  if (at >= 0) {
    reveal(at);
    const sound = hasSound(at) ? "" : ", no sound";
    say(`${label(at)}, ${data.cultures[clips.culture[at]]}${sound}`);
    if (from === "button" && changed) byId("clip-h").focus({ preventScroll: innerWidth >= 992 });
  }
  redraw(false);
}
