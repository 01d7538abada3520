// From the page's data to arrays: an image's record holds its labels deflated, in base64, each line xor the one above.

function dataOf(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

async function labelsOf(text, bits, [height, width]) {
  const Numbers = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array }[bits];
  const labels = new Numbers(await inflated(text));
  if (labels.length !== height * width) throw new Error("labels of another size than the image");
  for (let i = width; i < labels.length; i++) labels[i] ^= labels[i - width];
  return labels;
}

async function pictureOf(address) {
  if (!address) return null;
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  return picture;
}

// Where each cell lies on the grid: its box, its middle and its pixels.
function placesOf(labels, [height, width], count) {
  const places = Array.from({ length: count }, () => ({ x0: width, y0: height, x1: 0, y1: 0, x: 0, y: 0, pixels: 0 }));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!labels[i]) continue;
      const place = places[labels[i] - 1];
      if (x < place.x0) place.x0 = x;
      if (x >= place.x1) place.x1 = x + 1;
      if (y < place.y0) place.y0 = y;
      place.y1 = y + 1;
      place.x += x + 0.5;
      place.y += y + 0.5;
      place.pixels++;
    }
  }
  for (const place of places) {
    place.x /= place.pixels || 1;
    place.y /= place.pixels || 1;
  }
  return places;
}

// Images as they were read last; their layers are decoded when they are first shown.
const READ = new Map();
const KEPT = 4;

async function imageOf(index) {
  if (READ.has(index)) return READ.get(index);
  const record = dataOf(`image-${index}`);
  const picture = await pictureOf(record.picture);
  for (const layer of record.layers) {
    layer.count = layer.ids.length;
    layer.columns.class ??= Array(layer.count).fill(0);
    layer.paths = new Map();
  }
  const predictions = record.layers.filter((layer) => layer.role === "prediction");
  const truth = record.layers.find((layer) => layer.role === "truth") ?? null;
  const image = { ...record, picture, truth, predictions };
  READ.set(index, image);
  if (READ.size > KEPT) READ.delete(READ.keys().next().value);
  return image;
}

async function decoded(layer, { grid, size }) {
  if (!layer || layer.labels) return;
  const [labels, classMap] = await Promise.all([
    labelsOf(layer.instances, layer.bits, grid),
    labelsOf(layer.classes, 8, grid),
  ]);
  const places = placesOf(labels, grid, layer.count);
  places.forEach((place, cell) => {
    if (!place.pixels) Object.assign(place, lost(layer.columns, cell, grid, size));
  });
  const widths = Float64Array.from(places, ({ x0, x1 }) => x1 - x0).sort();
  Object.assign(layer, { labels, classMap, places, across: widths[widths.length >> 1] }); // a median cell's width
}

// Where a cell is that fell between the pixels of a coarser grid: a point, from its row and column.
function lost({ row, column }, cell, grid, size) {
  const [y, x] = [row, column].map((of, axis) => (((of?.[cell] ?? 0) + 0.5) * grid[axis]) / size[axis]);
  return { x, y, x0: x - 0.5, x1: x + 0.5, y0: y - 0.5, y1: y + 0.5 };
}
