// Truth against prediction, cell by cell (IoU of at least one half) and pixel by pixel.

const KINDS = ["found", "wrong class", "spurious", "missed"];
const IGNORE = 255;

function matchLayers(image) {
  const truth = image.layers.find((layer) => layer.role === "truth");
  image.truth = truth ?? null;
  image.predictions = image.layers.filter((layer) => layer.role === "prediction");
  image.differences = new Map();
  if (truth) for (const layer of image.predictions) image.differences.set(layer, matched(truth, layer));
}

// Partner (-1 none), IoU and kind of every cell of both sides.
function matched(truth, said) {
  const shared = new Map();
  const sizes = [new Float64Array(truth.count), new Float64Array(said.count)];
  for (let i = 0; i < truth.labels.length; i++) {
    const a = truth.labels[i], b = said.labels[i];
    if (truth.classMap[i] === IGNORE) continue;
    if (a) sizes[0][a - 1]++;
    if (b) sizes[1][b - 1]++;
    if (a && b) shared.set((a - 1) * said.count + b - 1, (shared.get((a - 1) * said.count + b - 1) ?? 0) + 1);
  }
  const sides = [truth, said].map((layer) => ({
    partner: new Int32Array(layer.count).fill(-1),
    iou: new Float64Array(layer.count),
    kind: [],
  }));
  for (const [pair, pixels] of shared) {
    const a = Math.floor(pair / said.count), b = pair % said.count;
    const iou = pixels / (sizes[0][a] + sizes[1][b] - pixels);
    for (const [side, own, other] of [[sides[0], a, b], [sides[1], b, a]]) {
      if (iou <= side.iou[own]) continue;
      side.iou[own] = iou;
      if (iou >= 0.5) side.partner[own] = other;
    }
  }
  for (const [side, own, other, alone] of [[sides[0], truth, said, "missed"], [sides[1], said, truth, "spurious"]]) {
    side.partner.forEach((partner, i) => {
      const same = partner >= 0 && own.columns.class[i] === other.columns.class[partner];
      side.kind[i] = partner < 0 ? (sizes[own === truth ? 0 : 1][i] ? alone : "not judged") : same ? "found" : "wrong class";
    });
  }
  return { truth: sides[0], said: sides[1], map: differing(truth.classMap, said.classMap), paths: new Map() };
}

// 1 wrong class, 2 spurious, 3 missed: as in KINDS.
function differing(truth, said) {
  const map = new Uint8Array(truth.length);
  for (let i = 0; i < truth.length; i++) {
    if (truth[i] === said[i] || truth[i] === IGNORE) continue;
    map[i] = !truth[i] ? 2 : !said[i] ? 3 : 1;
  }
  return map;
}
