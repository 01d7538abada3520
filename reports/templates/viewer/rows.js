// Rows and columns of the list of cells: those of a prediction, with the cells that it missed.

// Columns that are shown, and those that may be.
function columnsOf(viewer) {
  const layer = viewer.main;
  const known = viewer.head.columns.filter(({ key }) => layer && told(layer, key));
  const first = [{ key: "id", label: "Cell" }];
  if (viewer.head.classes.length > 2) first.push({ key: "class", label: "Class", text: true });
  if (viewer.difference) first.push({ key: "kind", label: find("work").dataset.truth, text: true });
  const more = known.filter((column) => !column.usual);
  if (viewer.difference) more.unshift({ key: "iou", label: "IoU", digits: 2 });
  const usual = known.filter((column) => column.usual);
  return { shown: [...first, ...usual, ...more.filter(({ key }) => key === viewer.extra)], more };
}

// Whether a column says anything: a method without probabilities has none of any cell.
function told({ columns }, key) {
  return key in columns && (!columns[key].length || columns[key].some((value) => value !== null && value !== ""));
}

function rowsOf(viewer) {
  const { difference, image } = viewer;
  if (!viewer.main) return [];
  const rows = viewer.main.ids.map((_, cell) => rowOf(viewer, viewer.main, cell));
  difference?.truth.kind.forEach((kind, cell) => {
    if (kind === "missed") rows.push(rowOf(viewer, image.truth, cell));
  });
  return rows;
}

function rowOf({ head, difference, image }, layer, cell) {
  const number = layer.columns.class[cell], ofTruth = layer === image.truth;
  const judged = ofTruth ? difference?.truth : difference?.said;
  const values = { id: layer.ids[cell], class: head.classes[number]?.name ?? "", kind: judged?.kind[cell], iou: judged?.iou[cell] };
  for (const { key } of head.columns) values[key] = layer.columns[key]?.[cell];
  // A number of the truth is another cell than the same number of the prediction.
  return { layer, cell, number, values, name: difference && ofTruth ? `T${values.id}` : String(values.id) };
}

// What is known of a cell, as pairs of heading and text.
function factsOf(viewer, row) {
  const facts = viewer.image.layers.length > 1 ? [["In", row.layer.name]] : [];
  const { kind, iou } = row.values;
  if (kind) facts.push([find("work").dataset.truth, iou ? `${kind}, IoU ${iou.toFixed(2)}` : kind]);
  for (const column of viewer.head.columns) {
    const { columns } = row.layer, micrometres = column.key.replace(/_px$/, "_um");
    const twice = micrometres !== column.key && (micrometres in columns || `${micrometres}2` in columns);
    if (!told(row.layer, column.key) || twice) continue;
    const value = formatted(row.values[column.key], column);
    facts.push([column.label, column.unit && value !== "–" ? `${value} ${column.unit}` : value]);
  }
  return facts;
}

function formatted(value, column) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && column.digits === undefined) return value.toLocaleString("en");
  return value.toLocaleString("en", { minimumFractionDigits: column.digits ?? 2, maximumFractionDigits: column.digits ?? 2 });
}
