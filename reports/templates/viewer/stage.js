// The image with what is laid over it, drawn; and the cell under a point.

const LINE = 2; // of outlines, in CSS pixels
const KIND_COLOURS = { "wrong class": "#cc79a7", spurious: "#e69f00", missed: "#0a84e0" };
const KIND_HATCHES = { "wrong class": 3, spurious: 1, missed: 2 };
const NAMED_FROM = 26; // CSS pixels that a cell is wide before its name stands on it
const FEW = 150; // cells in sight that are drawn anew in every frame; more are moved as one picture until all rests
const REST = 110; // milliseconds without a move after which they are drawn anew

class Stage extends Camera {
  constructor(canvas, head) {
    super(canvas);
    this.face = canvas.getContext("2d", { alpha: false });
    this.cover = document.createElement("canvas"); // all that is laid over the image, as it was last drawn
    this.context = this.cover.getContext("2d");
    this.drawn = null; // of what the cover is: version and view
    this.version = 0; // of what is to be shown: image, layers, classes
    this.head = head;
    this.on = {}; // layers that are shown
    this.hidden = new Set(); // classes that are not
    this.kinds = new Set(); // of a cell against the truth, that are not either
    this.opacity = 0.45;
    this.said = null; // the prediction that is shown
    this.chosen = null; // {layer, cell}
    this.pointed = null;
    this.seen = () => {}; // called after each drawing
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const before = [this.canvas.width, this.canvas.height];
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    this.cover.width = this.canvas.width;
    this.cover.height = this.canvas.height;
    this.drawn = null;
    if (!this.image) return;
    if (this.fitted) return this.fit();
    this.x += (this.canvas.width - before[0]) / 2;
    this.y += (this.canvas.height - before[1]) / 2;
    this.draw();
  }

  show(image, said) {
    const sameGrid = this.image && String(this.image.grid) === String(image.grid) && this.image.name === image.name;
    this.image = image;
    this.said = said;
    this.chosen = this.pointed = null;
    if (!sameGrid) this.fit();
    this.refresh();
  }

  // The cell under a point: the prediction's where it is shown, else the truth's.
  cellAt(point) {
    const pixel = this.image && this.pixelAt(point);
    if (!pixel) return null;
    for (const layer of [this.said, this.image.truth]) {
      const cell = layer ? layer.labels[pixel.index] - 1 : -1;
      if (cell >= 0 && this.shows(layer, cell)) return { layer, cell };
    }
    return null;
  }

  // Whether neither the class of a cell nor what the truth makes of it is hidden.
  shows(layer, cell) {
    if (this.hidden.has(layer.columns.class[cell])) return false;
    if (!this.kinds.size) return true;
    const difference = differenceOf(this.image.truth, this.said);
    const judged = layer === this.said ? difference?.said : difference?.truth;
    return !this.kinds.has(judged?.kind[cell]);
  }

  // Something else is to be shown.
  refresh() {
    this.version++;
    this.draw();
  }

  draw() {
    if (this.waiting || this.flight) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.paint();
    });
  }

  paint() {
    if (!this.image) return;
    const { face, scale } = this;
    face.setTransform(1, 0, 0, 1, 0, 0);
    face.fillStyle = "#20262f";
    face.fillRect(0, 0, this.canvas.width, this.canvas.height);
    face.setTransform(scale, 0, 0, scale, this.x, this.y);
    this.paintPicture();
    this.layCover();
    if (this.pointed) this.paintOne(this.pointed, 1.2);
    if (this.chosen) this.paintOne(this.chosen, 2);
    this.seen();
  }

  paintPicture() {
    const [height, width] = this.image.grid;
    this.face.imageSmoothingEnabled = this.scale < 3 * this.ratio;
    this.face.imageSmoothingQuality = "high";
    if (this.image.picture) return this.face.drawImage(this.image.picture, 0, 0, width, height);
    this.face.fillStyle = "#3a424f";
    this.face.fillRect(0, 0, width, height);
  }

  // Lay the cover over the image: drawn anew, or while many cells move, the last one moved with them.
  layCover() {
    const { face, scale, x, y, version, drawn } = this;
    const rests = drawn && drawn.scale === scale && drawn.x === x && drawn.y === y;
    const moves = drawn?.version === version && !rests && this.many();
    if (drawn?.version !== version || (!rests && !moves)) this.paintCover();
    else if (moves) {
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.refresh(), REST);
    }
    const by = scale / this.drawn.scale;
    face.setTransform(by, 0, 0, by, x - this.drawn.x * by, y - this.drawn.y * by);
    face.imageSmoothingEnabled = by !== 1;
    face.imageSmoothingQuality = "low";
    face.drawImage(this.cover, 0, 0);
    face.setTransform(scale, 0, 0, scale, x, y);
  }

  many() {
    const { sight } = this;
    let count = 0;
    for (const layer of [this.on.truth ? this.image.truth : null, this.said]) {
      for (const place of layer?.places ?? []) if (sight.sees(place) && ++count > FEW) return true;
    }
    return false;
  }

  paintCover() {
    const { context, scale, x, y, version } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.cover.width, this.cover.height);
    context.setTransform(scale, 0, 0, scale, x, y);
    context.lineJoin = "bevel";
    if (this.said) {
      if (this.on.classes) this.paintClasses();
      if (this.on.difference) this.paintDifference();
      if (this.on.prediction) this.paintCells(this.said, false);
    }
    if (this.on.truth && this.image.truth) this.paintCells(this.image.truth, true);
    if (this.on.boxes) this.paintBoxes();
    if (this.on.names) this.paintNames();
    this.drawn = { scale, x, y, version };
  }

  // Of a line, in pixels of the grid; thinner where cells are but a few points wide.
  get width() {
    const across = ((this.said ?? this.image.truth)?.across ?? 0) * this.scale;
    const part = across ? Math.min(1, Math.max(0.3, across / (12 * this.unit))) : 1;
    return (LINE * this.unit * part) / this.scale;
  }

  // Paths of the cells of a class that are in sight.
  pathsOf(layer, number, sight) {
    if (!sight.few && !this.kinds.size) return [classPath(layer, this.image.grid, number, this.scale)];
    return (sight.cells ??= new Map()).get(layer)?.get(number) ?? this.gather(layer, sight).get(number) ?? [];
  }

  gather(layer, sight) {
    const found = new Map();
    layer.places.forEach((place, cell) => {
      if (!sight.sees(place) || !this.shows(layer, cell)) return;
      const number = layer.columns.class[cell];
      if (!found.has(number)) found.set(number, []);
      found.get(number).push(cellPath(layer, this.image.grid, cell));
    });
    sight.cells.set(layer, found);
    return found;
  }

  // Outlines: of a prediction a line in the class's colour, of the truth white dashes, between which that line shows.
  paintCells(layer, dashed) {
    const { context, width } = this;
    const sight = this.sight;
    if (isCrowd(layer, sight)) return context.drawImage(crowdEdges(this, layer, dashed), 0, 0);
    context.setLineDash(dashed ? [width * 2.4, width * 2.4] : []);
    const lines = dashed ? [["rgba(0, 0, 0, 0.7)", 1.9], ["#ffffff", 1]] : [["rgba(0, 0, 0, 0.55)", 1.9], ["", 1]];
    for (const number of new Set(layer.columns.class)) {
      if (this.hidden.has(number)) continue;
      for (const path of this.pathsOf(layer, number, sight)) {
        for (const [colour, wide] of lines) {
          context.strokeStyle = colour || this.colour(number);
          context.lineWidth = width * wide;
          context.stroke(path);
        }
      }
    }
    context.setLineDash([]);
  }

  paintClasses() {
    if (isCrowd(this.said, this.sight)) {
      const colours = this.head.classes.map((_, i) => (i && !this.hidden.has(i) ? this.colour(i) : null));
      return this.context.drawImage(crowdMap(this.image.grid, this.said.classMap, colours, this.opacity), 0, 0);
    }
    const paths = mapPaths(this.said, "classContours", this.said.classMap, this.image.grid, this.count, this.scale);
    paths.forEach((path, i) => {
      if (!this.hidden.has(i + 1)) this.fill(path, this.colour(i + 1), i);
    });
  }

  paintDifference() {
    const difference = differenceOf(this.image.truth, this.said);
    if (!difference) return;
    if (isCrowd(this.said, this.sight)) {
      const colours = KINDS.map((kind) => (this.kinds.has(kind) ? null : KIND_COLOURS[kind] ?? null));
      const opacity = Math.min(1, this.opacity + 0.25);
      return this.context.drawImage(crowdMap(this.image.grid, difference.map, colours, opacity), 0, 0);
    }
    const paths = mapPaths(difference, "contours", difference.map, this.image.grid, 3, this.scale);
    paths.forEach((path, i) => {
      const kind = KINDS[i + 1];
      if (this.kinds.has(kind)) return;
      this.fill(path, KIND_COLOURS[kind], KIND_HATCHES[kind], 0.25);
      this.context.strokeStyle = KIND_COLOURS[kind];
      this.context.lineWidth = this.width * 0.6;
      this.context.stroke(path);
    });
  }

  get count() {
    return this.head.classes.length - 1;
  }

  colour(number) {
    return this.head.classes[number]?.colour ?? "#c4ccd6";
  }

  fill(path, colour, hatch, more = 0) {
    const { context } = this;
    context.globalAlpha = Math.min(1, this.opacity + more);
    context.fillStyle = colour;
    context.fill(path, "evenodd");
    if (hatch % HATCHES.length) {
      context.globalAlpha = Math.min(1, this.opacity + 0.35);
      const pattern = hatchPattern(context, hatch, this.unit);
      pattern.setTransform(new DOMMatrix().scale(1 / this.scale));
      context.fillStyle = pattern;
      context.fill(path, "evenodd");
    }
    context.globalAlpha = 1;
  }

  paintBoxes() {
    const { context, width } = this;
    const layer = this.said ?? this.image.truth;
    if (!layer) return;
    const groups = new Map(), crowd = isCrowd(layer, this.sight);
    const add = (colour, x0, y0, x1, y1) => {
      if (crowd) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        return context.strokeRect(x0, y0, x1 - x0, y1 - y0);
      }
      if (!groups.has(colour)) groups.set(colour, new Path2D());
      groups.get(colour).rect(x0, y0, x1 - x0, y1 - y0);
    };
    if (layer.boxes) layer.boxes.forEach(([x0, y0, x1, y1]) => add("#ffffff", x0, y0, x1, y1));
    else layer.places.forEach((place, cell) => {
      if (this.shows(layer, cell)) add(this.colour(layer.columns.class[cell]), place.x0, place.y0, place.x1, place.y1);
    });
    for (const [colour, path] of groups) {
      context.strokeStyle = "rgba(0, 0, 0, 0.55)";
      context.lineWidth = width * 1.7;
      context.stroke(path);
      context.strokeStyle = colour;
      context.lineWidth = width * 0.8;
      context.stroke(path);
    }
  }

  paintNames() {
    const layer = this.said ?? this.image.truth;
    if (!layer) return;
    const { context, unit } = this;
    const sight = this.sight;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.font = `600 ${11.5 * unit}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3 * unit;
    context.strokeStyle = "rgba(0, 0, 0, 0.8)";
    context.fillStyle = "#ffffff";
    layer.places.forEach((place, i) => {
      const wide = ((place.x1 - place.x0) * this.scale) / unit;
      if (wide < NAMED_FROM || !this.shows(layer, i) || !sight.sees(place)) return;
      const [x, y] = [place.x * this.scale + this.x, place.y * this.scale + this.y];
      const name = this.head.classes[layer.columns.class[i]]?.name ?? "";
      const lines = wide > 70 && this.count > 1 && name ? [String(layer.ids[i]), shortened(name, 16)] : [String(layer.ids[i])];
      lines.forEach((line, k) => {
        const at = y + (k - (lines.length - 1) / 2) * 14 * unit;
        context.strokeText(line, x, at);
        context.fillText(line, x, at);
      });
    });
    context.lineJoin = "bevel";
    context.setTransform(this.scale, 0, 0, this.scale, this.x, this.y);
  }

  paintOne({ layer, cell }, weight) {
    const { face, width } = this;
    const path = cellPath(layer, this.image.grid, cell);
    const lines = [["rgba(0, 0, 0, 0.7)", 3.4], ["#ffffff", 2.2], [this.colour(layer.columns.class[cell]), 0.8]];
    face.lineJoin = "round";
    for (const [colour, wide] of lines) {
      face.strokeStyle = colour;
      face.lineWidth = width * wide * (weight > 1.5 ? 1.25 : 0.8);
      face.stroke(path);
    }
  }
}
