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

// An image with everything that drawing needs; the last few are kept.
const READ = new Map();
const KEPT = 4;

async function imageOf(index) {
  if (READ.has(index)) return READ.get(index);
  const record = dataOf(`image-${index}`);
  const [picture, layers] = await Promise.all([
    pictureOf(record.picture),
    Promise.all(record.layers.map((layer) => layerOf(layer, record))),
  ]);
  delete record.picture;
  const image = { ...record, picture, layers };
  matchLayers(image);
  READ.set(index, image);
  if (READ.size > KEPT) READ.delete(READ.keys().next().value);
  return image;
}

async function layerOf(layer, { grid }) {
  const [labels, classes] = await Promise.all([
    labelsOf(layer.instances, layer.bits, grid),
    labelsOf(layer.classes, 8, grid),
  ]);
  const count = layer.ids.length;
  const columns = layer.columns;
  columns.class ??= Array(count).fill(0);
  return { ...layer, labels, classMap: classes, count, columns, places: placesOf(labels, grid, count), paths: new Map() };
}
