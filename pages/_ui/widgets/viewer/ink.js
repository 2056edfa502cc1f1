// What is drawn over a picture: the scale bar, measurements and the region, in an SVG of the stage's own pixels.

const SVG = "http://www.w3.org/2000/svg"

function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  if (text !== undefined) node.textContent = text
  return node
}

// The largest of 1, 2, 5 times a power of ten that is at most `most`.
function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most))
  return [5, 2, 1].find((n) => n * power <= most) * power
}

function number(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function drawScaleBar(svg, state, stage) {
  const { scale } = state.geometry
  const spacing = state.data.spacing
  const perUnit = spacing ? scale / spacing[1] : scale
  const length = roundLength((stage.width * 0.28) / perUnit)
  const x = 14
  const y = stage.height - 16
  const wide = length * perUnit
  const path = `M${x} ${y - 6}V${y}H${x + wide}V${y - 6}` + [1, 2, 3, 4].map((i) => `M${x + (wide * i) / 5} ${y}v-3`).join("")
  svg.append(shape("path", { d: path, class: "rim" }), shape("path", { d: path, class: "line" }))
  const unit = spacing ? "mm" : `px, ${state.words.no_scale}`
  svg.append(shape("text", { x, y: y - 10 }, `${length} ${unit}`))
}

function drawOne(svg, at, item, words) {
  const points = item.points.map(([x, y]) => at(x, y))
  const [a, b] = [points[0], points[points.length - 1]]
  let node
  if (item.kind === "distance") node = ["line", { x1: a[0], y1: a[1], x2: b[0], y2: b[1] }]
  else if (item.kind === "outline") node = ["polygon", { points: points.map((p) => p.join(",")).join(" ") }]
  else if (item.kind === "box") {
    const [x, y] = [Math.min(a[0], b[0]), Math.min(a[1], b[1])]
    node = ["rect", { x, y, width: Math.abs(b[0] - a[0]), height: Math.abs(b[1] - a[1]) }]
  } else {
    const [rx, ry] = [Math.abs(b[0] - a[0]) / 2, Math.abs(b[1] - a[1]) / 2]
    node = ["ellipse", { cx: (a[0] + b[0]) / 2, cy: (a[1] + b[1]) / 2, rx, ry }]
  }
  svg.append(shape(node[0], { ...node[1], class: "rim" }), shape(node[0], { ...node[1], class: item.region ? "region" : "line" }))
  const right = points.reduce((p, q) => (q[0] > p[0] ? q : p))
  svg.append(shape("text", { x: right[0] + 6, y: right[1] - 4 }, item.region ? words.region : item.text))
}

function measure(item, spacing, words) {
  const [a, b] = [item.points[0], item.points[item.points.length - 1]]
  const [sy, sx] = spacing || [1, 1]
  const [dx, dy] = [Math.abs(b[0] - a[0]) * sx, Math.abs(b[1] - a[1]) * sy]
  const unit = spacing ? "mm" : "px"
  if (item.kind === "distance") return `${number(Math.hypot(dx, dy))} ${unit}`
  return `${number(dx)} × ${number(dy)} ${unit}, ${words.area} ${number((Math.PI * dx * dy) / 4)} ${unit}²`
}

const tenths = (points) => points.map((p) => p.map((v) => Math.round(v * 10) / 10))

// A distance is one line, an ellipse its two axes.
function linesOf({ kind, points }) {
  const [[x0, y0], [x1, y1]] = tenths([points[0], points[points.length - 1]])
  if (kind === "distance") return [[x0, y0, x1, y1]]
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2]
  return [[Math.min(x0, x1), y, Math.max(x0, x1), y], [x, Math.min(y0, y1), x, Math.max(y0, y1)]]
}

function drawInk(svg, state, stage) {
  svg.replaceChildren()
  svg.setAttribute("viewBox", `0 0 ${stage.width} ${stage.height}`)
  const at = (x, y) => toStage(state, stage, x, y)
  const here = ({ frame }) => frame === state.frame
  for (const item of state.measures.filter(here)) drawOne(svg, at, item, state.words)
  if (state.region && here(state.region)) drawOne(svg, at, { ...state.region, region: true }, state.words)
  if (state.drawing && state.drawing.points.length > 1) drawOne(svg, at, state.drawing, state.words)
  if (state.ruler) drawScaleBar(svg, state, stage)
}

// Scan pixel to stage pixel, and back.
function toStage(state, stage, x, y) {
  const [h, w] = state.data.size
  const { scale } = state.geometry
  return [(x - state.view.x * w) * scale + stage.width / 2, (y - state.view.y * h) * scale + stage.height / 2]
}

function toScan(state, stage, x, y) {
  const [h, w] = state.data.size
  const { scale } = state.geometry
  return [(x - stage.width / 2) / scale + state.view.x * w, (y - stage.height / 2) / scale + state.view.y * h]
}
