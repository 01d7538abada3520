// Hatches over the colours of classes, as on the other pages: none, lines, dots, crosses ...

const HATCHES = ["", "/", ".", "x", "-", "|", "o", "+"];
const PATTERNS = new Map();

function hatchPattern(context, number, unit) {
  const key = `${number % HATCHES.length} ${unit}`;
  if (!PATTERNS.has(key)) PATTERNS.set(key, context.createPattern(hatchTile(HATCHES[number % HATCHES.length], unit), "repeat"));
  return PATTERNS.get(key);
}

function hatchTile(hatch, unit) {
  const side = Math.round(9 * unit), tile = document.createElement("canvas");
  tile.width = tile.height = side;
  const pen = tile.getContext("2d");
  pen.strokeStyle = pen.fillStyle = "rgba(0, 0, 0, 0.75)";
  pen.lineWidth = 1.1 * unit;
  const line = (x0, y0, x1, y1) => {
    pen.beginPath();
    pen.moveTo(x0 * side, y0 * side);
    pen.lineTo(x1 * side, y1 * side);
    pen.stroke();
  };
  if ("/x".includes(hatch)) for (const at of [-1, 0, 1]) line(at - 0.5, 1.5, at + 1.5, -0.5);
  if ("x".includes(hatch)) for (const at of [-1, 0, 1]) line(at - 0.5, -0.5, at + 1.5, 1.5);
  if ("-+".includes(hatch)) line(0, 0.5, 1, 0.5);
  if ("|+".includes(hatch)) line(0.5, 0, 0.5, 1);
  if (".o".includes(hatch)) {
    pen.beginPath();
    pen.arc(side / 2, side / 2, side * (hatch === "." ? 0.16 : 0.3), 0, 7);
    if (hatch === ".") pen.fill();
    else pen.stroke();
  }
  return tile;
}

function shortened(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

// A patch of a class's colour with its hatch.
function swatch(one, number) {
  const patch = document.createElement("i");
  patch.className = `swatch hatch${number > 0 ? (number - 1) % HATCHES.length : 0}`;
  patch.style.backgroundColor = one?.colour ?? "#c4ccd6";
  return patch;
}
