// Classes, and kinds of difference, with their counts: what is unticked is hidden in image and list.

function showLegend(viewer) {
  const { head, stage } = viewer;
  const layer = viewer.main, all = layer?.count ?? 0, many = head.classes.length > 5;
  const of = new Map();
  for (const number of layer?.columns.class ?? []) of.set(number, (of.get(number) ?? 0) + 1);
  find("classes").classList.toggle("many", many);
  find("classes").replaceChildren(...head.classes.slice(1).map((one, i) => {
    const count = of.get(i + 1) ?? 0, share = all ? `${((100 * count) / all).toFixed(1)} %` : "";
    const shown = many || !all ? count.toLocaleString("en") : `${count.toLocaleString("en")} · ${share}`;
    const entry = legendEntry(viewer, one.name, swatch(one, i + 1), shown, stage.hidden, i + 1);
    entry.title = [one.name, count, share].filter((word) => word !== "").join(" · ");
    return entry;
  }));
  showKinds(viewer);
}

function showKinds(viewer) {
  const { difference, stage } = viewer;
  find("kinds").hidden = !difference;
  if (!difference) return;
  const of = Object.fromEntries(KINDS.map((kind) => [kind, difference.said.kind.filter((one) => one === kind).length]));
  of.missed = difference.truth.kind.filter((one) => one === "missed").length;
  find("kinds").replaceChildren(...KINDS.map((kind) => {
    const patch = document.createElement("i");
    patch.className = `swatch hatch${KIND_HATCHES[kind] ?? 0}`;
    patch.style.backgroundColor = KIND_COLOURS[kind] ?? "#ffffff";
    return legendEntry(viewer, kind, patch, of[kind].toLocaleString("en"), stage.kinds, kind);
  }));
}

// A line of the legend; unticked it puts its key among the hidden ones.
function legendEntry(viewer, name, patch, count, hidden, key) {
  const label = document.createElement("label"), box = document.createElement("input");
  box.type = "checkbox";
  box.checked = !hidden.has(key);
  box.addEventListener("change", () => {
    if (box.checked) hidden.delete(key);
    else hidden.add(key);
    viewer.showRows();
    viewer.stage.refresh();
  });
  label.append(box, patch, element("span", name, "name"), element("span", count, "count"));
  return label;
}
