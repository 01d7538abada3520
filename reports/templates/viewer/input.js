// Pointer and keyboard: what the reader's hands do to the viewer.

function listenToPointer(viewer) {
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
    if (!before) return viewer.point(now, event.pointerType);
    held.set(event.pointerId, now);
    moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (held.size === 1 && moved > 4) {
      viewer.point(null);
      viewer.stage.pan(now.x - before.x, now.y - before.y);
    } else if (held.size === 2) {
      const { apart: wide, middle } = span();
      if (apart > 0) viewer.stage.zoom(wide / apart, middle);
      viewer.stage.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
      apart = wide;
      moved = 99;
    }
  });
  const release = (event) => {
    if (!held.delete(event.pointerId) || held.size || moved > 4 || event.type === "pointercancel") return;
    const found = viewer.stage.cellAt(at(event));
    if (found) viewer.choose(found.layer, found.cell, "stage");
    else viewer.forget();
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => viewer.point(null));
  canvas.addEventListener("dblclick", (event) => viewer.stage.zoom(event.shiftKey ? 0.5 : 2, at(event)));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 18 : 1;
    viewer.stage.zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.0022)), at(event));
  }, { passive: false });
}

function listenToKeys(viewer) {
  const act = {
    "+": () => viewer.stage.zoom(1.25), "=": () => viewer.stage.zoom(1.25),
    "-": () => viewer.stage.zoom(0.8), "_": () => viewer.stage.zoom(0.8),
    0: () => viewer.stage.fit(), 1: () => viewer.stage.zoom(viewer.stage.ratio / viewer.stage.scale),
    "[": () => viewer.step(-1), "]": () => viewer.step(1), Escape: () => viewer.forget(), "?": () => find("help").showModal(),
    t: () => viewer.toggle("truth"), p: () => viewer.toggle("prediction"), d: () => viewer.toggle("difference"),
    c: () => viewer.toggle("classes"), b: () => viewer.toggle("boxes"), n: () => viewer.toggle("names"),
    ",": () => viewer.list.choose(Math.max(viewer.list.at - 1, 0), "key"), ".": () => viewer.list.choose(viewer.list.at + 1, "key"),
  };
  const buttons = { in: "+", out: "-", fit: "0", actual: "1", ask: "?", forget: "Escape" };
  for (const [id, key] of Object.entries(buttons)) find(id).addEventListener("click", act[key]);
  find("help").addEventListener("click", (event) => event.target === find("help") && find("help").close());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || find("help").open || !viewer.image) return;
    if (event.target.matches("select, input[type=range], input[type=text]") && event.key !== "Escape") return;
    const done = keyOnStage(viewer, event) ?? act[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!done) return;
    event.preventDefault();
    done();
  });
}

// Keys that mean something only while the image has the focus: elsewhere they scroll and press.
function keyOnStage(viewer, event) {
  if (event.target !== find("stage")) return null;
  const far = event.shiftKey ? 4 * PAN : PAN;
  return {
    ArrowLeft: () => viewer.stage.pan(far, 0), ArrowRight: () => viewer.stage.pan(-far, 0),
    ArrowUp: () => viewer.stage.pan(0, far), ArrowDown: () => viewer.stage.pan(0, -far), " ": () => viewer.uncover(),
    Enter: () => viewer.stage.chosen && viewer.choose(viewer.stage.chosen.layer, viewer.stage.chosen.cell, "click"),
  }[event.key];
}
