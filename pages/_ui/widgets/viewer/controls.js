// The buttons around the stages. Every one has a name, a key and a pressed state.

const ICONS = {
  pan: "M12 3v18M3 12h18M12 3l-3 3m3-3l3 3M12 21l-3-3m3 3l3-3M3 12l3-3m-3 3l3 3M21 12l-3-3m3 3l-3 3",
  window: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  invert: "M4 4h16v16H4zM4 20L20 4v16z",
  distance: "M4 20L20 4M4 20l1-4m-1 4l4-1M20 4l-4 1m4-1l-1 4",
  ellipse: "M3 12a9 6 0 1 0 18 0a9 6 0 1 0-18 0M3 12h18",
  box: "M5 6h14v12H5zM5 6v0M19 18v0M9 6v12",
  round: "M4 12a8 6 0 1 0 16 0a8 6 0 1 0-16 0",
  outline: "M5 17c-3-6 2-12 7-11s3 5 6 6-1 8-6 7-5 1-7-2z",
  clear: "M6 6l12 12M18 6L6 18",
  ruler: "M3 16h18M3 16v-6M9 16v-4M15 16v-4M21 16v-6",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  in: "M12 5v14M5 12h14",
  out: "M5 12h14",
  reset: "M5 12a7 7 0 1 0 2-5M7 3v4h4",
  map: "M4 12s3-6 8-6 8 6 8 6-3 6-8 6-8-6-8-6zM10 12a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  swipe: "M12 3v18M8 9l-3 3 3 3M16 9l3 3-3 3",
  play: "M7 5l12 7-12 7z",
  pause: "M8 5v14M16 5v14",
  help: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 18v.5",
}

function icon(name) {
  const svg = shape("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" })
  svg.append(shape("path", { d: ICONS[name] }))
  return svg
}

function button(name, title, act) {
  const node = document.createElement("button")
  node.type = "button"
  node.dataset.name = name
  node.title = title
  node.setAttribute("aria-label", title)
  node.append(icon(name))
  node.addEventListener("click", act)
  return node
}

function slider(title, low, high, step, value, act) {
  const node = document.createElement("input")
  Object.assign(node, { type: "range", min: low, max: high, step, value, title })
  node.setAttribute("aria-label", title)
  node.addEventListener("input", () => act(Number(node.value)))
  return node
}

function choice(title, options, value, act) {
  const node = document.createElement("select")
  node.setAttribute("aria-label", title)
  node.title = title
  for (const [id, word] of options) node.append(new Option(word, id, id === value, id === value))
  node.addEventListener("change", () => act(node.value))
  return node
}

function group(...nodes) {
  const node = document.createElement("div")
  node.className = "group"
  node.append(...nodes)
  return node
}

const TOOLS = ["pan", "window", "distance", "ellipse"]
const REGIONS = ["box", "round", "outline"]

function buildTools(viewer) {
  const { words, data } = viewer.state
  const tool = (name) => button(name, words[name], () => viewer.take(name))
  const parts = [group(...TOOLS.map(tool))]
  if (data.region) parts.push(group(...REGIONS.map(tool)))
  parts.push(group(button("clear", words.clear, () => viewer.clear())))
  parts.push(group(...["out", "in", "fit"].map((name) => button(name, words[name], () => viewer[name]()))))
  parts.push(group(button("invert", words.invert, () => viewer.invert()), button("ruler", words.ruler, () => viewer.ruler())))
  parts.push(group(button("reset", words.reset, () => viewer.reset()), button("help", words.help, () => viewer.help())))
  return parts
}

function labelButtons(viewer) {
  const { data, words, label } = viewer.state
  const node = group()
  node.setAttribute("role", "group")
  node.setAttribute("aria-label", words.evidence)
  data.labels.forEach(([id, word], i) => {
    const one = document.createElement("button")
    one.type = "button"
    one.className = "label"
    one.textContent = word
    one.title = viewer.hasMap(id) ? `${words.evidence}: ${word} (${i + 1})` : `${word}: ${words.no_evidence}`
    one.disabled = !viewer.hasMap(id)
    one.setAttribute("aria-pressed", id === label)
    one.addEventListener("click", () => viewer.choose(id))
    node.append(one)
  })
  return node
}

function buildMapBar(viewer) {
  const { data, words } = viewer.state
  const how = viewer.how
  if (!data.panes.some((pane) => pane.maps.length)) return []
  const opacity = slider(words.opacity, 0, 1, 0.05, how.opacity, (value) => viewer.look({ opacity: value }))
  const styles = ["fill", "contour", "both"].map((name) => [name, words[name]])
  const parts = [group(button("map", words.map, () => viewer.toggleMap()), opacity)]
  if (data.labels.length > 1) parts.push(labelButtons(viewer))
  parts.push(group(button("swipe", words.swipe, () => viewer.toggleSwipe())))
  const colours = Object.keys(data.palettes).map((name) => [name, name])
  parts.push(group(
    choice(words.style, styles, how.style, (value) => viewer.look({ style: value })),
    choice(words.colours, colours, how.colours, (value) => viewer.look({ colours: value })),
  ))
  return parts
}

function buildFrameBar(viewer) {
  const { data, words, frame } = viewer.state
  if (data.frames.n < 2) return []
  const { n, step, shown } = data.frames
  const at = slider(words.frame, 0, Math.floor((n - 1) / step) * step, step, frame, (value) => viewer.showFrame(value))
  at.className = "frames"
  const told = document.createElement("span")
  told.className = "told"
  told.textContent = `${words.frame} ${frame + 1} / ${n}`
  const play = button(viewer.state.playing ? "pause" : "play", words.play, () => viewer.play())
  const parts = [group(play, at, told)]
  if (frame !== data.frames.at && shown[Math.round(frame / step)] !== "") {
    const ask = document.createElement("button")
    ask.type = "button"
    ask.className = "label"
    ask.textContent = words.ask_frame
    ask.addEventListener("click", () => viewer.trigger("frame", frame))
    parts.push(group(ask))
  }
  return parts
}

function buildHelp(words) {
  const node = document.createElement("div")
  node.className = "help"
  node.setAttribute("role", "dialog")
  node.setAttribute("aria-label", words.help)
  const list = document.createElement("dl")
  for (const [keys, what] of words.keys) {
    const [term, told] = [document.createElement("dt"), document.createElement("dd")]
    term.textContent = keys
    told.textContent = what
    list.append(term, told)
  }
  node.append(list)
  return node
}
