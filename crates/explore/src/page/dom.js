// Elements out of texts; no text ever becomes markup.
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") element.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function say(text) {
  const said = byId("said");
  said.textContent = "";
  // A changed text is read; the same one twice would not be.
  requestAnimationFrame(() => { said.textContent = text; });
}

// Shapes of radius one: cultures differ in shape as well as in colour.
const shapes = [
  "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
  "M-.88-.88H.88V.88H-.88Z",
  "M0-1.15L1.05.8H-1.05Z",
  "M0-1.25L1.05 0L0 1.25L-1.05 0Z",
  "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
  "M0 1.15L1.05-.8H-1.05Z",
  "M-1.05-.5L-.5-1.05L0-.55L.5-1.05L1.05-.5L.55 0L1.05.5L.5 1.05L0 .55L-.5 1.05L-1.05 .5L-.55 0Z",
  "M0-1.3L.38-.42L1.25-.4L.57.18L.8 1.1L0 .6L-.8 1.1L-.57.18L-1.25-.4L-.38-.42Z",
];
const colours = 6;
const shapeOf = (culture) => culture % shapes.length;
const colourOf = (culture) => `--c${culture % colours}`;

function glyph(culture, fill = colourOf(culture)) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "glyph");
  svg.setAttribute("viewBox", "-1.4 -1.4 2.8 2.8");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", shapes[shapeOf(culture)]);
  path.style.fill = `var(${fill})`;
  svg.append(path);
  return svg;
}
