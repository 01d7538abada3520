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
    this.kinds = new Set(); // of a cell against the truth, that the list leaves out
    this.stage = new Stage(find("stage"), head);
    this.list = new CellList(find("list"), head, (row, how) => this.choose(row.layer, row.cell, how));
    this.stage.seen = () => this.afterDrawing();
  }

  async start() {
    this.fillImages();
    this.listenToLayers();
    this.listenToStage();
    this.listenToKeys();
    const wanted = new URLSearchParams(location.hash.slice(1));
    const index = this.head.images.findIndex((image) => image.name === wanted.get("image"));
    await this.open(Math.max(index, 0), wanted.get("model"));
    const cell = this.said ? this.said.ids.indexOf(Number(wanted.get("cell"))) : -1;
    if (cell >= 0) this.choose(this.said, cell, "click");
    document.body.dataset.ready = "yes";
  }

  get said() {
    return this.stage.said;
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
    if (turn !== this.turn) return; // another one was asked for meanwhile
    this.index = index;
    this.image = image;
    const said = image.predictions.find((layer) => layer.name === model) ?? image.predictions[0] ?? null;
    this.model = said?.name ?? model;
    this.stage.show(image, said);
    this.showFacts();
    this.showLegend();
    this.showRows();
    this.showCell(null);
    this.remember();
    find("work").removeAttribute("aria-busy");
    if (index + 1 < this.head.images.length) requestIdleCallback?.(() => imageOf(index + 1), { timeout: 2000 });
  }

  showFacts() {
    const { image } = this, many = this.head.images.length;
    find("image").value = this.index;
    find("before").disabled = this.index === 0;
    find("after").disabled = this.index === many - 1;
    find("position").textContent = `${this.index + 1} of ${many}`;
    find("models").hidden = image.predictions.length < 2;
    find("model").replaceChildren(...image.predictions.map((layer) => new Option(layer.name, layer.name, false, layer === this.said)));
    for (const name of LAYERS) find(`show-${name}`).closest("label").hidden = !this.has(name);
    const shrunk = image.grid[0] < image.size[0] || image.grid[1] < image.size[1];
    const facts = { Size: `${image.size[1]} × ${image.size[0]} px`, ...image.facts };
    if (image.pixel_size) facts["Pixel"] = `${image.pixel_size} µm`;
    if (shrunk) facts["Drawn with"] = `${image.grid[1]} × ${image.grid[0]} px; the list is of the full image`;
    find("facts").replaceChildren(...Object.entries(facts).flatMap(([key, value]) => [element("dt", key), element("dd", value)]));
    find("missing").hidden = Boolean(image.picture);
    find("stage").setAttribute("aria-label", `Image ${image.name}. Arrow keys move it, plus and minus zoom, space hides what is laid over it.`);
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

  showLegend() {
    const layer = this.said ?? this.image.truth;
    const of = new Map();
    for (const number of layer?.columns.class ?? []) of.set(number, (of.get(number) ?? 0) + 1);
    const all = layer?.count ?? 0, many = this.head.classes.length > 5;
    find("classes").classList.toggle("many", many);
    find("classes").replaceChildren(...this.head.classes.slice(1).map((one, i) => {
      const count = of.get(i + 1) ?? 0, share = all ? `${((100 * count) / all).toFixed(1)} %` : "";
      const entry = this.legendEntry(one.name, swatch(one, i + 1), many || !all ? count : `${count} · ${share}`, !this.stage.hidden.has(i + 1), (shown) => {
        if (shown) this.stage.hidden.delete(i + 1);
        else this.stage.hidden.add(i + 1);
      });
      entry.title = [one.name, count, share].filter((word) => word !== "").join(" · ");
      return entry;
    }));
    this.showKinds();
  }

  showKinds() {
    const difference = this.image.differences.get(this.said);
    find("kinds").hidden = !difference;
    if (!difference) return;
    const of = Object.fromEntries(KINDS.map((kind) => [kind, difference.said.kind.filter((one) => one === kind).length]));
    of.missed = difference.truth.kind.filter((one) => one === "missed").length;
    find("kinds").replaceChildren(...KINDS.map((kind) => {
      const patch = document.createElement("i");
      patch.className = `swatch hatch${KIND_HATCHES[kind] ?? 0}`;
      patch.style.backgroundColor = KIND_COLOURS[kind] ?? "#ffffff";
      return this.legendEntry(kind, patch, of[kind], !this.kinds.has(kind), (shown) => {
        if (shown) this.kinds.delete(kind);
        else this.kinds.add(kind);
      });
    }));
  }

  legendEntry(name, patch, count, on, changed) {
    const label = document.createElement("label"), box = document.createElement("input");
    box.type = "checkbox";
    box.checked = on;
    box.addEventListener("change", () => {
      changed(box.checked);
      this.showRows();
      this.stage.refresh();
    });
    const words = element("span", name);
    words.className = "name";
    const number = element("span", typeof count === "number" ? count.toLocaleString("en") : count);
    number.className = "count";
    label.append(box, patch, words, number);
    return label;
  }

  // ---- the list ----

  columnsOf(layer) {
    const known = this.head.columns.filter(({ key }) => layer && key in layer.columns);
    const judged = this.image.differences.has(this.said);
    const first = [{ key: "id", label: "Cell" }];
    if (this.head.classes.length > 2) first.push({ key: "class", label: "Class", text: true });
    if (judged) first.push({ key: "kind", label: "Truth", text: true });
    const usual = known.filter((column) => column.usual);
    const more = known.filter((column) => !column.usual);
    if (judged) more.unshift({ key: "iou", label: "IoU", digits: 2 });
    return { shown: [...first, ...usual, ...more.filter(({ key }) => key === this.extra)], more };
  }

  showRows() {
    const layer = this.said ?? this.image.truth;
    const { shown, more } = this.columnsOf(layer);
    find("extra").replaceChildren(new Option("nothing", ""), ...more.map(({ key, label, unit }) => new Option(unit ? `${label} (${unit})` : label, key, false, key === this.extra)));
    find("extra").closest("label").hidden = !more.length;
    const difference = this.image.differences.get(this.said);
    const rows = layer ? this.rowsOf(layer, difference?.said) : [];
    if (difference) rows.push(...this.rowsOf(this.image.truth, difference.truth).filter((row) => row.values.kind === "missed"));
    const kept = rows.filter((row) => !this.stage.hidden.has(row.number) && !this.kinds.has(row.values.kind));
    const of = kept.length < rows.length ? `${kept.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : rows.length.toLocaleString("en");
    find("number").textContent = of;
    find("empty").hidden = kept.length > 0;
    find("empty").textContent = rows.length ? "All cells of this image are hidden above." : "No cells in this image.";
    this.list.show(shown, kept);
  }

  rowsOf(layer, judged) {
    return layer.ids.map((id, cell) => {
      const number = layer.columns.class[cell];
      const values = { id, class: this.head.classes[number]?.name ?? "", kind: judged?.kind[cell], iou: judged?.iou[cell] };
      for (const { key } of this.head.columns) values[key] = layer.columns[key]?.[cell];
      return { layer, cell, number, values };
    });
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
    const row = this.rowsOf(layer, this.judgement(layer))[cell];
    const one = this.head.classes[row.number];
    find("cell-name").replaceChildren(swatch(one, row.number), `Cell ${row.values.id}${one ? ` · ${one.name}` : ""}`);
    const facts = this.image.layers.length > 1 ? [["In", layer.name]] : [];
    if (row.values.kind) facts.push(["Truth", row.values.iou ? `${row.values.kind}, IoU ${row.values.iou.toFixed(2)}` : row.values.kind]);
    for (const column of this.head.columns) {
      if (!(column.key in layer.columns)) continue;
      const value = formatted(row.values[column.key], column);
      facts.push([column.label, column.unit && value !== "–" ? `${value} ${column.unit}` : value]);
    }
    find("cell-facts").replaceChildren(...facts.flatMap(([key, value]) => [element("dt", key), element("dd", value)]));
    find("said").textContent = `Cell ${row.values.id}${one ? `, ${one.name}` : ""} is chosen.`;
  }

  judgement(layer) {
    const difference = this.image.differences.get(this.said);
    return layer === this.image.truth ? difference?.truth : difference?.said;
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

  // ---- pointer ----

  listenToStage() {
    const canvas = find("stage"), held = new Map();
    let moved = 0, apart = 0;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const span = () => {
      const [a, b] = [...held.values()];
      return { apart: Math.hypot(a.x - b.x, a.y - b.y), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, at(event));
      if (held.size === 1) moved = 0;
      if (held.size === 2) apart = span().apart;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId), now = at(event);
      if (!before) return this.point(now, event.pointerType);
      held.set(event.pointerId, now);
      moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      if (held.size === 1 && moved > 4) {
        this.point(null);
        this.stage.pan(now.x - before.x, now.y - before.y);
      } else if (held.size === 2) {
        const { apart: wide, middle } = span();
        if (apart > 0) this.stage.zoom(wide / apart, middle);
        this.stage.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
        apart = wide;
        moved = 99;
      }
    });
    const release = (event) => {
      if (!held.delete(event.pointerId) || held.size || moved > 4 || event.type === "pointercancel") return;
      const found = this.stage.cellAt(at(event));
      if (found) this.choose(found.layer, found.cell, "stage");
      else this.forget();
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("dblclick", (event) => this.stage.zoom(event.shiftKey ? 0.5 : 2, at(event)));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 18 : 1;
      this.stage.zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.0022)), at(event));
    }, { passive: false });
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
    const { layer, cell } = found, one = this.head.classes[layer.columns.class[cell]];
    const p = layer.columns.probability?.[cell], kind = this.judgement(layer)?.kind[cell];
    const words = [`Cell ${layer.ids[cell]}`, one?.name, p === undefined || p === null ? null : `p ${p.toFixed(2)}`, kind];
    tip.replaceChildren(swatch(one, layer.columns.class[cell]), words.filter(Boolean).join(" · "));
    const wide = find("stage").clientWidth, right = where.x > wide - 230;
    tip.style.left = right ? "auto" : `${where.x + 16}px`;
    tip.style.right = right ? `${wide - where.x + 12}px` : "auto";
    tip.style.top = `${Math.max(4, where.y - 34)}px`;
  }

  showReadout(pixel) {
    const { image } = this;
    if (!image) return;
    const shrink = [image.size[0] / image.grid[0], image.size[1] / image.grid[1]];
    find("where").textContent = pixel ? `row ${Math.floor((pixel.y + 0.5) * shrink[0])}, column ${Math.floor((pixel.x + 0.5) * shrink[1])}` : "";
  }

  // Zoom and scale bar, after each drawing.
  afterDrawing() {
    const { image } = this;
    const perPixel = (this.stage.scale / this.stage.ratio) * (image.grid[1] / image.size[1]); // CSS pixels per image pixel
    find("percent").textContent = `${(100 * perPixel).toFixed(perPixel < 0.1 ? 1 : 0)} %`;
    const unit = image.pixel_size ? perPixel / image.pixel_size : perPixel;
    const long = niceBelow(110 / unit);
    find("bar").style.width = `${long * unit}px`;
    find("bar-words").textContent = `${long.toLocaleString("en")} ${image.pixel_size ? "µm" : "px"}`;
  }

  // ---- keys ----

  listenToKeys() {
    const act = {
      "+": () => this.stage.zoom(1.25), "=": () => this.stage.zoom(1.25), "-": () => this.stage.zoom(0.8), "_": () => this.stage.zoom(0.8),
      0: () => this.stage.fit(), 1: () => this.stage.zoom(this.stage.ratio / this.stage.scale),
      "[": () => this.step(-1), "]": () => this.step(1), Escape: () => this.forget(), "?": () => find("help").showModal(),
      t: () => this.toggle("truth"), p: () => this.toggle("prediction"), d: () => this.toggle("difference"),
      c: () => this.toggle("classes"), b: () => this.toggle("boxes"), n: () => this.toggle("names"),
      ",": () => this.list.choose(Math.max(this.list.at - 1, 0), "key"), ".": () => this.list.choose(this.list.at + 1, "key"),
    };
    const buttons = { in: "+", out: "-", fit: "0", actual: "1", ask: "?", forget: "Escape" };
    for (const [id, key] of Object.entries(buttons)) find(id).addEventListener("click", act[key]);
    find("help").addEventListener("click", (event) => event.target === find("help") && find("help").close());
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || find("help").open || !this.image) return;
      if (event.target.matches("select, input[type=range], input[type=text]") && event.key !== "Escape") return;
      const done = this.keyOnStage(event) ?? act[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!done) return;
      event.preventDefault();
      done();
    });
  }

  // Keys that mean something only while the image has the focus: elsewhere they scroll and press.
  keyOnStage(event) {
    if (event.target !== find("stage")) return null;
    const far = event.shiftKey ? 4 * PAN : PAN;
    return {
      ArrowLeft: () => this.stage.pan(far, 0), ArrowRight: () => this.stage.pan(-far, 0),
      ArrowUp: () => this.stage.pan(0, far), ArrowDown: () => this.stage.pan(0, -far), " ": () => this.uncover(),
      Enter: () => this.stage.chosen && this.choose(this.stage.chosen.layer, this.stage.chosen.cell, "click"),
    }[event.key];
  }

  toggle(name) {
    const box = find(`show-${name}`);
    if (!box.closest("label").hidden) box.click();
  }
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
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
