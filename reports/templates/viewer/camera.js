// Where the image lies on the canvas: zooming, panning and flying, in screen pixels.

const MOST_ZOOM = 64; // CSS pixels per pixel
const FLOWN_TO = 10; // of these, the most that a flight to a cell magnifies by itself

class Camera {
  constructor(canvas) {
    this.canvas = canvas;
    this.image = null; // {grid: [rows, columns]}
    this.scale = 1; // screen pixels per pixel of the grid
    this.x = this.y = 0; // of the grid's corner
  }

  get ratio() {
    return window.devicePixelRatio || 1;
  }

  // Screen pixels of what is a CSS pixel in small print: letters and lines grow with the page's.
  get unit() {
    return (this.ratio * parseFloat(getComputedStyle(document.documentElement).fontSize)) / 16;
  }

  get fitScale() {
    const [height, width] = this.image.grid;
    return Math.min(this.canvas.width / width, this.canvas.height / height) * 0.97;
  }

  fit() {
    this.stopFlight();
    const [height, width] = this.image.grid;
    this.scale = this.fitScale;
    this.x = (this.canvas.width - width * this.scale) / 2;
    this.y = (this.canvas.height - height * this.scale) / 2;
    this.fitted = true;
    this.draw();
  }

  // Zoom by a factor, the point of the canvas (CSS pixels; default its middle) stays where it is.
  zoom(factor, at) {
    this.stopFlight();
    const point = at ?? { x: this.canvas.width / this.ratio / 2, y: this.canvas.height / this.ratio / 2 };
    const [px, py] = [point.x * this.ratio, point.y * this.ratio];
    const scale = Math.min(Math.max(this.scale * factor, Math.min(this.fitScale, 1) / 2), MOST_ZOOM * this.ratio);
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.keepInSight();
    this.draw();
  }

  pan(dx, dy) {
    this.stopFlight();
    this.x += dx * this.ratio;
    this.y += dy * this.ratio;
    this.fitted = false;
    this.keepInSight();
    this.draw();
  }

  // A part of the image always stays in sight.
  keepInSight() {
    const [height, width] = this.image.grid;
    const least = 60 * this.ratio;
    this.x = Math.min(Math.max(this.x, least - width * this.scale), this.canvas.width - least);
    this.y = Math.min(Math.max(this.y, least - height * this.scale), this.canvas.height - least);
  }

  // Fly to a cell: it fills a third of the canvas; `near` only moves, and only where the cell is out of sight.
  flyTo(place, near = false) {
    const across = Math.max(place.x1 - place.x0, place.y1 - place.y0, 4);
    const wanted = Math.min(Math.min(this.canvas.width, this.canvas.height) / (3 * across), FLOWN_TO * this.unit);
    const scale = near ? this.scale : Math.max(wanted, this.fitScale);
    const [cx, cy] = [place.x * this.scale + this.x, place.y * this.scale + this.y];
    const inSight = cx > 0 && cy > 0 && cx < this.canvas.width && cy < this.canvas.height;
    if (near && inSight) return this.draw();
    const target = { scale, x: this.canvas.width / 2 - place.x * scale, y: this.canvas.height / 2 - place.y * scale };
    this.fly(target);
  }

  fly(target) {
    this.stopFlight();
    this.fitted = false;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const from = { scale: this.scale, x: this.x, y: this.y };
    const middle = [this.canvas.width / 2, this.canvas.height / 2];
    const centre = (view) => [(middle[0] - view.x) / view.scale, (middle[1] - view.y) / view.scale];
    const [a, b] = [centre(from), centre(target)];
    const begin = performance.now(), long = calm ? 0 : 260;
    const step = (now) => {
      const part = long ? Math.min(Math.max((now - begin) / long, 0), 1) : 1;
      const eased = 1 - (1 - part) ** 3;
      this.scale = from.scale * (target.scale / from.scale) ** eased;
      const at = [0, 1].map((i) => a[i] + (b[i] - a[i]) * eased);
      this.x = middle[0] - at[0] * this.scale;
      this.y = middle[1] - at[1] * this.scale;
      this.paint();
      this.flight = part < 1 ? requestAnimationFrame(step) : null;
    };
    this.flight = requestAnimationFrame(step);
  }

  stopFlight() {
    if (this.flight) cancelAnimationFrame(this.flight);
    this.flight = null;
  }

  // Pixel of the grid under a point of the canvas in CSS pixels; null outside.
  pixelAt(point) {
    const x = Math.floor((point.x * this.ratio - this.x) / this.scale);
    const y = Math.floor((point.y * this.ratio - this.y) / this.scale);
    const [height, width] = this.image.grid;
    return x >= 0 && y >= 0 && x < width && y < height ? { x, y, index: y * width + x } : null;
  }

  // What part of the grid is seen, and whether it is so little that single cells are faster than all.
  get sight() {
    const [height, width] = this.image.grid;
    const x0 = -this.x / this.scale, y0 = -this.y / this.scale;
    const x1 = x0 + this.canvas.width / this.scale, y1 = y0 + this.canvas.height / this.scale;
    const inner = (low, high, most) => Math.max(0, Math.min(high, most) - Math.max(low, 0));
    const share = (inner(x0, x1, width) * inner(y0, y1, height)) / (width * height);
    return { x0, y0, x1, y1, few: share < 0.4, sees: (p) => p.x1 > x0 && p.x0 < x1 && p.y1 > y0 && p.y0 < y1 };
  }
}
