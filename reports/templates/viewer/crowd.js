// Very many cells at once: painted pixel by pixel on the grid, since one path of them all takes a browser minutes.

const CROWD = 5000; // cells in sight

function isCrowd(layer, sight) {
  if (!layer || layer.count <= CROWD) return false;
  let seen = 0;
  for (const place of layer.places) if (sight.sees(place) && ++seen > CROWD) return true;
  return false;
}

// A colour "#rrggbb" as a pixel's four bytes.
function bytesOf(colour, opacity = 1) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return ((Math.round(255 * opacity) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function pictured([height, width], words) {
  const picture = new OffscreenCanvas(width, height);
  picture.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(words.buffer), width, height), 0, 0);
  return picture;
}

// The outer pixels of the cells that are shown, in the colours of their classes; of the truth white, every other one.
function crowdEdges(stage, layer, dashed) {
  if (layer.crowd?.version === stage.version) return layer.crowd.picture;
  const { labels } = layer, grid = stage.image.grid, [height, width] = grid;
  const colours = Uint32Array.from({ length: layer.count + 1 }, (_, cell) => {
    if (!cell || !stage.shows(layer, cell - 1)) return 0;
    return bytesOf(dashed ? "#ffffff" : stage.colour(layer.columns.class[cell - 1]));
  });
  const words = new Uint32Array(labels.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = labels[i];
      if (!label || (dashed && (x + y) & 2)) continue;
      const within = x && y && x < width - 1 && y < height - 1 && labels[i - 1] === label && labels[i + 1] === label &&
        labels[i - width] === label && labels[i + width] === label;
      if (!within) words[i] = colours[label];
    }
  }
  layer.crowd = { version: stage.version, picture: pictured(grid, words) };
  return layer.crowd.picture;
}

// The pixels of a map whose values have colours; null is not shown.
function crowdMap(grid, map, colours, opacity) {
  const bytes = Uint32Array.from({ length: 256 }, (_, value) => (colours[value] ? bytesOf(colours[value], opacity) : 0));
  return pictured(grid, Uint32Array.from(map, (value) => bytes[value]));
}
