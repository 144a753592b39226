// The collection: what lies in the page as JSON, and which of it is asked for.
const data = JSON.parse(document.getElementById("data").textContent);
const clips = data.clips;
const n = clips.name.length;
const unit = data.unit;
const byId = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const state = {
  model: 0,
  colour: "culture",
  selected: -1,
  hovered: -1,
  words: [],
  tag: -1,
  playable: false,
  cultures: new Set(data.cultures.map((_, at) => at)),
};

// What the search looks through, in lower case; made once.
const texts = clips.name.map((name, at) =>
  [name, data.cultures[clips.culture[at]], ...clips.tags[at].map((tag) => data.tags[tag]), clips.group[at] ?? ""]
    .join("\n")
    .toLowerCase());
const tagged = clips.tags.map((tags) => new Set(tags));
const wanted = new Uint8Array(n).fill(1);
let matches = Array.from({ length: n }, (_, at) => at);

const hasSound = (at) => clips.sound[at] > 0;

function filter() {
  matches = [];
  for (let at = 0; at < n; at += 1) {
    const is = state.cultures.has(clips.culture[at])
      && (state.tag < 0 || tagged[at].has(state.tag))
      && (!state.playable || hasSound(at))
      && state.words.every((word) => texts[at].includes(word));
    wanted[at] = is ? 1 : 0;
    if (is) matches.push(at);
  }
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function span(at) {
  return `${clock(clips.start[at])}–${clock(clips.start[at] + clips.seconds[at])}`;
}

// Why nothing can be heard.
function silence(at) {
  const licence = data.licences[clips.licence[at]];
  switch (clips.sound[at]) {
    case -1: return `No sound: ${licence.why}.`;
    case -2: return "No sound: the limit for sound was reached before this one.";
    default: return "No sound: this page was made without.";
  }
}
