// What the reader does and what follows from it: the image that is shown, the layers, the cell that is chosen.

const find = (id) => document.getElementById(id);
const LAYERS = ["truth", "prediction", "difference", "classes", "boxes", "names"];
const PAN = 60; // CSS pixels of an arrow key

class Viewer {
  constructor(head) {
    this.head = head;
    this.index = 0;
    this.model = null; // name of the prediction
    this.image = null;
    this.extra = "";
    this.stage = new Stage(find("stage"), head);
    this.list = new CellList(find("list"), head, (row, how) => this.choose(row.layer, row.cell, how));
    this.stage.seen = () => this.afterDrawing();
  }

  async start() {
    this.fillImages();
    this.listenToLayers();
    listenToPointer(this);
    listenToKeys(this);
    const wanted = new URLSearchParams(location.hash.slice(1));
    const index = this.head.images.findIndex((image) => image.name === wanted.get("image"));
    await this.open(Math.max(index, 0), wanted.get("model"));
    const cell = this.said ? this.said.ids.indexOf(Number(wanted.get("cell"))) : -1;
    if (cell >= 0) this.choose(this.said, cell, "click");
    document.body.dataset.ready = "yes";
  }

  // The prediction that is shown; the layer whose cells are listed; what truth and prediction make of each other.

  get said() {
    return this.stage.said;
  }

  get main() {
    return this.said ?? this.image.truth;
  }

  get difference() {
    return differenceOf(this.image.truth, this.said);
  }

  // ---- images ----

  fillImages() {
    find("image").replaceChildren(...this.head.images.map((image, i) => {
      const cells = image.cells === null ? "" : `${image.cells.toLocaleString("en")} ${image.cells === 1 ? "cell" : "cells"}`;
      return new Option([image.name, cells, image.note].filter(Boolean).join(" · "), i);
    }));
    find("image").addEventListener("change", () => this.open(Number(find("image").value)));
    find("before").addEventListener("click", () => this.step(-1));
    find("after").addEventListener("click", () => this.step(1));
    find("model").addEventListener("change", () => this.open(this.index, find("model").value));
  }

  step(by) {
    const to = this.index + by;
    if (to >= 0 && to < this.head.images.length) this.open(to);
  }

  async open(index, model = this.model) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    find("work").setAttribute("aria-busy", "true");
    const image = await imageOf(index);
    const said = image.predictions.find((layer) => layer.name === model) ?? image.predictions[0] ?? null;
    await Promise.all([decoded(image.truth, image), decoded(said, image)]);
    if (turn !== this.turn) return; // another one was asked for meanwhile
    this.index = index;
    this.image = image;
    this.model = said?.name ?? model;
    this.stage.show(image, said);
    this.showFacts();
    showLegend(this);
    this.showRows();
    this.showCell(null);
    this.remember();
    find("work").removeAttribute("aria-busy");
    if (index + 1 < this.head.images.length) setTimeout(() => imageOf(index + 1), 300);
  }

  showFacts() {
    const { image } = this, many = this.head.images.length;
    const option = (layer) => new Option(layer.name, layer.name, false, layer === this.said);
    find("image").value = this.index;
    find("before").disabled = this.index === 0;
    find("after").disabled = this.index === many - 1;
    find("position").textContent = `${this.index + 1} of ${many}`;
    find("models").hidden = image.predictions.length < 2;
    find("model").replaceChildren(...image.predictions.map(option));
    for (const name of LAYERS) find(`show-${name}`).closest("label").hidden = !this.has(name);
    const shrunk = image.grid[0] < image.size[0] || image.grid[1] < image.size[1];
    const facts = { Size: `${image.size[1]} × ${image.size[0]} px`, ...image.facts };
    if (image.pixel_size) facts["Pixel"] = `${image.pixel_size} µm`;
    if (shrunk) facts["Drawn with"] = `${image.grid[1]} × ${image.grid[0]} px; the list is of the full image`;
    find("facts").replaceChildren(...described(Object.entries(facts)));
    find("missing").hidden = Boolean(image.picture);
    const keys = "Arrow keys move it, plus and minus zoom, space hides what is laid over it.";
    find("stage").setAttribute("aria-label", `Image ${image.name}. ${keys}`);
  }

  has(name) {
    const { image } = this;
    if (name === "truth") return Boolean(image.truth);
    if (name === "difference") return Boolean(image.truth && this.said);
    return name === "prediction" ? Boolean(this.said) : Boolean(this.said ?? image.truth);
  }

  // ---- layers and classes ----

  listenToLayers() {
    for (const name of LAYERS) {
      const box = find(`show-${name}`);
      this.stage.on[name] = box.checked;
      box.addEventListener("change", () => {
        this.stage.on[name] = box.checked;
        this.covered = null;
        this.stage.refresh();
      });
    }
    find("opacity").addEventListener("input", () => {
      this.stage.opacity = Number(find("opacity").value) / 100;
      this.stage.refresh();
    });
    find("extra").addEventListener("change", () => {
      this.extra = find("extra").value;
      this.showRows();
    });
  }

  // All layers off, and on again as they were: what is under them?
  uncover() {
    const on = LAYERS.filter((name) => find(`show-${name}`).checked);
    const next = on.length ? [] : this.covered ?? ["prediction"];
    this.covered = on.length ? on : null;
    for (const name of LAYERS) this.stage.on[name] = find(`show-${name}`).checked = next.includes(name);
    this.stage.refresh();
  }

  // ---- the list ----

  showRows() {
    const { shown, more } = columnsOf(this);
    const option = ({ key, label, unit }) => new Option(unit ? `${label} (${unit})` : label, key, false, key === this.extra);
    find("extra").replaceChildren(new Option("nothing", ""), ...more.map(option));
    find("extra").closest("label").hidden = !more.length;
    const rows = rowsOf(this), kept = rows.filter((row) => this.stage.shows(row.layer, row.cell));
    const counts = kept.length < rows.length ? [kept, rows] : [rows];
    find("number").textContent = counts.map((those) => those.length.toLocaleString("en")).join(" of ");
    find("empty").hidden = kept.length > 0;
    find("empty").textContent = rows.length ? "All cells of this image are hidden above." : "No cells in this image.";
    this.list.show(shown, kept);
  }

  choose(layer, cell, how) {
    this.stage.chosen = { layer, cell };
    if (how === "click") this.stage.flyTo(layer.places[cell]);
    else if (how === "key") this.stage.flyTo(layer.places[cell], true);
    if (how === "stage") this.list.mark(layer, cell);
    this.stage.draw();
    this.showCell({ layer, cell });
    this.remember();
  }

  showCell(chosen) {
    find("cell").hidden = !chosen;
    if (!chosen) return;
    const { layer, cell } = chosen;
    const row = rowOf(this, layer, cell), one = this.head.classes[row.number];
    const name = [`Cell ${row.name}`, one?.name].filter(Boolean);
    find("cell-name").replaceChildren(swatch(one, row.number), name.join(" · "));
    find("cell-facts").replaceChildren(...described(factsOf(this, row)));
    find("heard").textContent = `${name.join(", ")}, is chosen.`;
  }

  forget() {
    this.stage.chosen = null;
    this.list.mark(null, -1);
    this.showCell(null);
    this.remember();
    this.stage.draw();
  }

  // The address names image, model and cell, so that it can be handed on.
  remember() {
    const now = new URLSearchParams({ image: this.head.images[this.index].name });
    if (this.image.predictions.length > 1) now.set("model", this.model);
    const { chosen } = this.stage;
    if (chosen && chosen.layer === this.said) now.set("cell", chosen.layer.ids[chosen.cell]);
    try {
      history.replaceState(null, "", `#${now}`);
    } catch {
      // A page inside another one has no address of its own.
    }
  }

  // What lies under the pointer: in the line below, and beside the pointer.
  point(where, type) {
    const found = where && this.image && this.stage.cellAt(where);
    const pixel = where && this.image && this.stage.pixelAt(where);
    const before = this.stage.pointed;
    if (before?.cell !== found?.cell || before?.layer !== found?.layer) {
      this.stage.pointed = found;
      this.stage.draw();
    }
    this.showReadout(pixel);
    const tip = find("tip");
    tip.hidden = !found || type === "touch";
    if (tip.hidden) return;
    const row = rowOf(this, found.layer, found.cell), { probability, kind } = row.values;
    const known = probability === undefined || probability === null ? "" : `p ${probability.toFixed(2)}`;
    const words = [`Cell ${row.name}`, row.values.class, known, kind].filter(Boolean).join(" · ");
    tip.replaceChildren(swatch(this.head.classes[row.number], row.number), words);
    const wide = find("stage").clientWidth, right = where.x > wide - 230;
    tip.style.left = right ? "auto" : `${where.x + 16}px`;
    tip.style.right = right ? `${wide - where.x + 12}px` : "auto";
    tip.style.top = `${Math.max(4, where.y - 34)}px`;
  }

  showReadout(pixel) {
    const { image } = this;
    if (!image) return;
    const at = (place, axis) => Math.floor(((place + 0.5) * image.size[axis]) / image.grid[axis]);
    find("where").textContent = pixel ? `row ${at(pixel.y, 0)}, column ${at(pixel.x, 1)}` : "";
  }

  // Zoom and scale bar, after each drawing.
  afterDrawing() {
    const { image } = this;
    const perPixel = (this.stage.scale * image.grid[1]) / (this.stage.ratio * image.size[1]); // CSS pixels per image pixel
    find("percent").textContent = `${(100 * perPixel).toFixed(perPixel < 0.1 ? 1 : 0)} %`;
    const unit = image.pixel_size ? perPixel / image.pixel_size : perPixel;
    const long = niceBelow(110 / unit);
    find("bar").style.width = `${long * unit}px`;
    find("bar-words").textContent = `${long.toLocaleString("en")} ${image.pixel_size ? "µm" : "px"}`;
  }

  toggle(name) {
    const box = find(`show-${name}`);
    if (!box.closest("label").hidden) box.click();
  }
}

function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = kind;
  return made;
}

function described(facts) {
  return facts.flatMap(([key, value]) => [element("dt", key), element("dd", value)]);
}

// 1, 2 or 5 times a power of ten, at most `limit`.
function niceBelow(limit) {
  const power = 10 ** Math.floor(Math.log10(limit));
  return [5, 2, 1].map((digit) => digit * power).find((long) => long <= limit);
}

function fault(error) {
  find("fault").hidden = false;
  find("fault").textContent = `The viewer stopped: ${error?.message ?? error}. A current Firefox, Chrome, Edge or Safari opens it.`;
}

window.addEventListener("error", (event) => fault(event.error ?? event.message));
window.addEventListener("unhandledrejection", (event) => fault(event.reason));
window.viewer = new Viewer(dataOf("head")); // by name in the console, too
window.viewer.start();
