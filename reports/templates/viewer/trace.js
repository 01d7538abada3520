// Outlines of labels along the edges of pixels, as lists of corners; exact, and thinned where they are drawn small.

const STEP = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // right, down, left, up
// The pixels ahead of a corner, on the right and on the left of each direction, as steps from it.
const RIGHT = [[0, 0], [-1, 0], [-1, -1], [0, -1]];
const LEFT = [[0, -1], [0, 0], [-1, 0], [-1, -1]];

// Contours of label 1..count: each a flat array x, y, x, y ... of corners. Holes have contours of their own.
function traced(labels, [height, width], count) {
  const contours = Array.from({ length: count }, () => []);
  const passed = new Uint8Array(labels.length); // upper edges that a contour has passed
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = labels[i];
      if (!label || label > count || passed[i] || (y && labels[i - width] === label)) continue;
      contours[label - 1].push(followed(labels, height, width, x, y, label, passed));
    }
  }
  return contours;
}

function followed(labels, height, width, startX, startY, label, passed) {
  const corners = [startX, startY];
  let x = startX, y = startY, heading = 0;
  do {
    if (heading === 0) passed[y * width + x] = 1;
    x += STEP[heading][0];
    y += STEP[heading][1];
    const inside = ([dx, dy]) =>
      x + dx >= 0 && y + dy >= 0 && x + dx < width && y + dy < height && labels[(y + dy) * width + x + dx] === label;
    const turn = inside(LEFT[heading]) ? 3 : inside(RIGHT[heading]) ? 0 : 1; // pixels that touch at a corner are together
    if (turn) {
      corners.push(x, y);
      heading = (heading + turn) % 4;
    }
  } while (x !== startX || y !== startY || heading !== 0);
  corners.length -= 2; // the start, once more
  return corners;
}

// Corners at least so far apart; what is smaller stays a point that is drawn as a dot.
function thinned(corners, apart) {
  if (!apart) return corners;
  const kept = [corners[0], corners[1]];
  for (let i = 2; i < corners.length; i += 2) {
    const dx = corners[i] - kept[kept.length - 2], dy = corners[i + 1] - kept[kept.length - 1];
    if (dx * dx + dy * dy >= apart * apart) kept.push(corners[i], corners[i + 1]);
  }
  return kept;
}

function addContours(path, contours, apart) {
  for (const contour of contours) {
    const corners = thinned(contour, apart);
    path.moveTo(corners[0], corners[1]);
    for (let i = 2; i < corners.length; i += 2) path.lineTo(corners[i], corners[i + 1]);
    path.closePath();
  }
}

// How far apart corners are for a zoom of so many screen pixels per pixel: none is seen to be missing.
function apartAt(scale) {
  return scale >= 1.5 ? 0 : 2 ** Math.ceil(Math.log2(1.5 / scale));
}

function contoursOf(layer, grid) {
  return (layer.contours ??= traced(layer.labels, grid, layer.count));
}

// One path of all cells of a class that `visible` does not hide.
function classPath(layer, grid, number, scale) {
  const apart = apartAt(scale), key = `cells ${number} ${apart}`;
  if (!layer.paths.has(key)) {
    const path = new Path2D();
    contoursOf(layer, grid).forEach((contours, i) => {
      if (layer.columns.class[i] === number) addContours(path, contours, apart);
    });
    layer.paths.set(key, path);
  }
  return layer.paths.get(key);
}

function cellPath(layer, grid, cell) {
  const key = `cell ${cell}`;
  if (!layer.paths.has(key)) {
    const path = new Path2D();
    addContours(path, contoursOf(layer, grid)[cell], 0);
    layer.paths.set(key, path);
  }
  return layer.paths.get(key);
}

// Paths of the values 1..count of a map of classes or differences.
function mapPaths(owner, name, map, grid, count, scale) {
  const apart = apartAt(scale), key = `${name} ${apart}`;
  if (!owner.paths.has(key)) {
    owner[name] ??= traced(map, grid, count);
    owner.paths.set(key, owner[name].map((contours) => {
      const path = new Path2D();
      addContours(path, contours, apart);
      return path;
    }));
  }
  return owner.paths.get(key);
}
