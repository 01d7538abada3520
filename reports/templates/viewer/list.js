// The list of cells: sorted by any column, only the rows in sight are in the page, moved through with the keyboard.

const ROW = 30; // CSS pixels, as in the style
const SPARE = 8; // rows beyond the edges

class CellList {
  constructor(box, head, chosen) {
    this.box = box; // scrolls
    this.table = box.querySelector("table");
    this.line = this.table.tHead.rows[0];
    this.body = this.table.tBodies[0];
    this.head = head;
    this.chosen = chosen; // called with a row and how it was chosen
    this.rows = [];
    this.columns = [];
    this.sort = { key: "id", down: false };
    this.at = -1;
    box.addEventListener("scroll", () => this.paint(), { passive: true });
    box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.paint()).observe(box);
  }

  // Columns: {key, label, unit, digits, text}; rows: {layer, cell, values}.
  show(columns, rows) {
    const before = this.rows[this.at];
    this.columns = columns;
    if (!columns.some((column) => column.key === this.sort.key)) this.sort = { key: "id", down: false };
    this.rows = rows;
    this.order();
    this.heads();
    this.at = before ? this.rows.findIndex((row) => row.layer === before.layer && row.cell === before.cell) : -1;
    this.paint();
  }

  order() {
    const { key, down } = this.sort, sign = down ? -1 : 1;
    const value = (row) => (key === "kind" ? KINDS.length - KINDS.indexOf(row.values.kind) : row.values[key]); // faults first
    this.rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === y) return a.cell - b.cell;
      if (x === null || x === undefined) return 1; // what is not known comes last, either way
      if (y === null || y === undefined) return -1;
      return (x < y ? -1 : 1) * sign;
    });
  }

  heads() {
    this.line.replaceChildren(...this.columns.map((column) => {
      const cell = document.createElement("th");
      const button = document.createElement("button");
      const sorted = this.sort.key === column.key;
      cell.scope = "col";
      cell.className = column.text ? "text" : "";
      cell.setAttribute("aria-sort", sorted ? (this.sort.down ? "descending" : "ascending") : "none");
      button.type = "button";
      button.textContent = column.label;
      button.title = `Sort by ${column.label}${column.unit ? ` (${column.unit})` : ""}`;
      button.dataset.key = column.key;
      if (column.unit) {
        const unit = document.createElement("small");
        unit.textContent = ` ${column.unit}`;
        button.append(unit);
      }
      button.addEventListener("click", () => this.sortBy(column.key));
      cell.append(button);
      return cell;
    }));
  }

  sortBy(key) {
    const before = this.rows[this.at];
    const text = this.columns.find((column) => column.key === key)?.text;
    this.sort = this.sort.key === key ? { key, down: !this.sort.down } : { key, down: !text && key !== "id" };
    this.order();
    this.heads();
    this.line.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
    this.at = before ? this.rows.indexOf(before) : -1;
    this.box.scrollTop = 0;
    this.paint();
  }

  paint() {
    const high = this.box.clientHeight || 300;
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.box.scrollTop + high) / ROW) + SPARE);
    const made = [this.spacer(first)];
    for (let i = first; i < last; i++) made.push(this.row(i));
    made.push(this.spacer(this.rows.length - last));
    this.body.replaceChildren(...made);
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    if (this.at >= first && this.at < last) this.box.setAttribute("aria-activedescendant", `row-${this.at}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  spacer(rows) {
    const line = document.createElement("tr");
    line.className = "spacer";
    line.setAttribute("aria-hidden", "true");
    line.style.height = `${rows * ROW}px`;
    return line;
  }

  row(i) {
    const row = this.rows[i], line = document.createElement("tr");
    line.id = `row-${i}`;
    line.setAttribute("aria-rowindex", i + 2);
    line.setAttribute("aria-selected", String(i === this.at));
    line.addEventListener("click", () => this.choose(i, "click"));
    for (const column of this.columns) {
      const cell = line.insertCell();
      if (column.text) cell.className = "text";
      if (column.key === "class") cell.append(swatch(this.head.classes[row.number], row.number));
      const shown = column.key === "id" ? row.name : formatted(row.values[column.key], column);
      cell.append(shown);
      if (column.text) cell.title = shown;
    }
    return line;
  }

  choose(i, how) {
    if (i < 0 || i >= this.rows.length) return;
    this.at = i;
    this.paint();
    this.intoSight();
    this.chosen(this.rows[i], how);
  }

  // Mark the row of a cell that was chosen elsewhere.
  mark(layer, cell) {
    this.at = this.rows.findIndex((row) => row.layer === layer && row.cell === cell);
    this.paint();
    this.intoSight();
  }

  intoSight() {
    if (this.at < 0) return;
    const top = this.at * ROW, room = this.box.clientHeight - this.table.tHead.offsetHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW > this.box.scrollTop + room) this.box.scrollTop = top + ROW - room;
    this.paint();
  }

  key(event) {
    if (event.target !== this.box) return;
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW) - 1);
    const last = this.rows.length - 1;
    const to = {
      ArrowDown: this.at + 1, ArrowUp: Math.max(this.at - 1, 0), PageDown: Math.min(this.at + page, last),
      PageUp: Math.max(this.at - page, 0), Home: 0, End: last,
    }[event.key];
    if (to !== undefined) this.choose(Math.min(to, last), "key");
    else if (event.key === "Enter" && this.at >= 0) this.choose(this.at, "click");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
