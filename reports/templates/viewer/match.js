// Truth against prediction, cell by cell (IoU of at least one half) and pixel by pixel; ignored pixels count nowhere.

const KINDS = ["found", "wrong class", "spurious", "missed"];
const IGNORE = 255;

// What `truth` and `said`, both decoded, make of each other; null without truth.
function differenceOf(truth, said) {
  if (!truth || !said) return null;
  return (said.difference ??= matched(truth, said));
}

// Partner (-1 none), IoU and kind of every cell of both sides, and a map of the pixels that differ.
function matched(truth, said) {
  const { shared, sizes } = overlaps(truth, said);
  const sides = [truth, said].map(({ count }) => ({ partner: new Int32Array(count).fill(-1), iou: new Float64Array(count), kind: [] }));
  for (const [pair, pixels] of shared) {
    const a = Math.floor(pair / said.count), b = pair % said.count;
    const iou = pixels / (sizes[0][a] + sizes[1][b] - pixels);
    for (const [side, own, other] of [[sides[0], a, b], [sides[1], b, a]]) {
      if (iou <= side.iou[own]) continue;
      side.iou[own] = iou;
      if (iou >= 0.5) side.partner[own] = other;
    }
  }
  sides.forEach((side, i) => {
    const [own, other] = i ? [said, truth] : [truth, said];
    const alone = i ? "spurious" : "missed";
    side.partner.forEach((partner, cell) => {
      const same = partner >= 0 && own.columns.class[cell] === other.columns.class[partner];
      side.kind[cell] = partner >= 0 ? (same ? "found" : "wrong class") : sizes[i][cell] ? alone : "not judged";
    });
  });
  return { truth: sides[0], said: sides[1], map: differing(truth.classMap, said.classMap), paths: new Map() };
}

// Pixels that each pair of cells shares, and those of each cell.
function overlaps(truth, said) {
  const shared = new Map(), sizes = [new Float64Array(truth.count), new Float64Array(said.count)];
  let last = -1, run = 0;
  const flush = () => run && shared.set(last, (shared.get(last) ?? 0) + run);
  for (let i = 0; i < truth.labels.length; i++) {
    if (truth.classMap[i] === IGNORE) continue;
    const a = truth.labels[i], b = said.labels[i];
    if (a) sizes[0][a - 1]++;
    if (b) sizes[1][b - 1]++;
    if (!a || !b) continue;
    const pair = (a - 1) * said.count + b - 1;
    if (pair !== last) {
      flush();
      last = pair;
      run = 0;
    }
    run++;
  }
  flush();
  return { shared, sizes };
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
