// The viewer: near-black stages that share zoom, position and window. Nothing here asks the server but a finished
// region or measurement, another scan, a frame to be answered and a loop to be loaded.

const PLAIN_WINDOW = { centre: 0.5, width: 1 }
const FRAME_MS = 66
const NARROW = 900 // as in frame.css
const BELOW = 110
const BARS = 84 // height of both bars, a line each
const LEAST_ROW = 180 // three of them with their tools are seen at once in a window 800 px high
const KEPT = "medcls.viewer" // how maps look on this machine; nothing of a patient

function keptLook() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) || {}
  } catch {
    return {}
  }
}

class Viewer {
  constructor(root, host) {
    this.root = root
    this.host = host
    this.pictures = new Map()
    this.how = { opacity: 0.6, style: "fill", colours: "magma", on: true, ...keptLook() }
    this.state = { view: { z: 1, x: 0.5, y: 0.5 }, win: PLAIN_WINDOW, inverted: false, ruler: true, tool: "pan", measures: [], frame: 0 }
    this.seen = null
    root.addEventListener("keydown", (event) => this.key(event))
    new ResizeObserver(() => this.state.data && this.layout()).observe(root)
    const take = () => (root.isConnected ? this.takeMaps() : window.removeEventListener("medcls-maps", take))
    window.addEventListener("medcls-maps", take)
  }

  // Maps of the scan shown, drawn after it: laid over it as though they had come with it.
  takeMaps() {
    const { data } = this.state
    const late = window.medclsMaps
    if (!data || data.bare || data.panes.some((pane) => pane.maps.length)) return
    if (!late || late.of !== data.id || late.key !== data.key) return
    const panes = data.panes.map((pane, i) => ({ ...pane, maps: late.panes[i] }))
    const { labels, label } = late
    this.update({ ...data, panes, labels, label, pictures: { ...data.pictures, ...late.pictures } }, this.tell, this.trigger)
  }

  // Called at every rerun: another scan starts anew, the same one keeps its zoom, window and measurements.
  async update(data, tell, trigger) {
    this.tell = tell
    this.trigger = trigger
    const state = this.state
    const fresh = this.seen !== data.id
    Object.assign(state, { data, words: data.words })
    if (fresh) {
      Object.assign(state, { view: { z: 1, x: 0.5, y: 0.5 }, win: PLAIN_WINDOW, inverted: false, measures: [], region: null, playing: false })
      state.drawing = null
    }
    if (fresh || state.answered !== data.frames.at) state.frame = data.frames.at
    state.answered = data.frames.at
    const known = data.labels.some(([id]) => id === state.label)
    if (fresh || !known) state.label = data.label
    this.seen = data.id
    this.build()
    await this.load()
    this.root.dataset.ready = data.id
    this.root.dataset.maps = String(data.panes.filter((pane) => pane.maps.length).length)
    this.takeMaps()
  }

  async load() {
    const { pictures } = this.state.data
    const wanted = Object.entries(pictures).filter(([digest]) => !this.pictures.has(digest))
    for (const digest of this.pictures.keys()) if (!(digest in pictures)) this.pictures.delete(digest)
    await Promise.all(
      wanted.map(async ([digest, src]) => {
        try {
          this.pictures.set(digest, { canvas: canvasOf(await loadImage(src)), pixels: null })
        } catch (error) {
          this.root.dataset.error = error.message
        }
      }),
    )
    this.layout()
    this.paint()
  }

  build() {
    const { data, words } = this.state
    const key = JSON.stringify([data.id, data.panes.map((p) => [p.title, p.alt, p.maps.length]), data.labels, data.frames.n, data.region])
    if (key === this.built) return this.refresh()
    this.built = key
    this.top = document.createElement("div")
    this.top.className = "bar"
    this.top.setAttribute("role", "toolbar")
    this.top.setAttribute("aria-label", words.tools)
    this.top.append(...buildTools(this))
    this.bottom = document.createElement("div")
    this.bottom.className = "bar"
    this.grid = document.createElement("div")
    this.grid.className = "grid"
    this.stages = data.panes.map((pane) => this.stage(pane))
    this.grid.append(...this.stages.map((stage) => stage.node))
    const bars = data.panes.length ? [this.top, this.grid, this.bottom] : [this.grid]
    this.root.replaceChildren(...bars)
    this.refresh()
  }

  stage(pane) {
    const node = document.createElement("div")
    node.className = "stage"
    const [base, map] = [document.createElement("canvas"), document.createElement("canvas")]
    base.setAttribute("role", "img")
    base.setAttribute("aria-label", pane.alt)
    map.className = "map"
    map.setAttribute("aria-hidden", "true")
    const svg = shape("svg", { class: "ink", "aria-hidden": "true" })
    const title = document.createElement("div")
    title.className = "title"
    title.textContent = pane.title
    const scale = document.createElement("div")
    scale.className = "scale"
    const handle = document.createElement("div")
    handle.className = "handle"
    const unread = document.createElement("div")
    unread.className = "unread"
    unread.setAttribute("role", "status")
    node.append(base, map, svg, title, scale, handle, unread)
    const stage = { node, base, map, svg, scale, handle, unread, width: 1, height: 1 }
    this.listen(stage)
    return stage
  }

  listen(stage) {
    const { node } = stage
    const place = (event) => {
      const box = node.getBoundingClientRect()
      return [event.clientX - box.left, event.clientY - box.top]
    }
    node.addEventListener("contextmenu", (event) => event.preventDefault())
    node.addEventListener("wheel", (event) => {
      event.preventDefault()
      this.zoom(Math.exp(-event.deltaY / 500), stage, ...place(event))
    }, { passive: false })
    node.addEventListener("dblclick", () => this.fit())
    node.addEventListener("pointerdown", (event) => this.press(event, stage, place))
    node.addEventListener("pointermove", (event) => this.grip && this.grip.stage === stage && this.drag(event, place(event)))
    for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, () => this.release())
  }

  press(event, stage, place) {
    const at = place(event)
    this.root.focus({ preventScroll: true })
    stage.node.setPointerCapture(event.pointerId)
    const swiping = this.state.swipe !== undefined && Math.abs(at[0] - this.state.swipe * stage.width) < 14
    const tool = event.button === 2 ? "window" : swiping ? "swipe" : this.state.tool
    this.grip = { stage, tool, from: at, view: { ...this.state.view }, win: { ...this.state.win } }
    if (["pan", "window", "swipe"].includes(tool)) return
    const kind = tool === "round" ? "ellipse" : tool
    this.state.drawing = { kind, points: [toScan(this.state, stage, ...at)], region: REGIONS.includes(tool), frame: this.state.frame }
  }

  drag(event, at) {
    const { stage, tool, from, view, win } = this.grip
    const [dx, dy] = [at[0] - from[0], at[1] - from[1]]
    const { state } = this
    const [h, w] = state.data.size
    if (tool === "pan") {
      state.view = { ...view, x: view.x - dx / state.geometry.scale / w, y: view.y - dy / state.geometry.scale / h }
      return this.place()
    }
    if (tool === "window") {
      state.win = { centre: Math.min(1.5, Math.max(-0.5, win.centre - dy / 500)), width: Math.min(3, Math.max(0.02, win.width + dx / 500)) }
      return this.later(() => this.paint())
    }
    if (tool === "swipe") {
      state.swipe = Math.min(1, Math.max(0, at[0] / stage.width))
      return this.place()
    }
    const drawing = state.drawing
    const point = toScan(state, stage, ...at).map((value, axis) => Math.min(axis ? h : w, Math.max(0, value)))
    if (drawing.kind === "outline") drawing.points.push(point)
    else drawing.points[1] = point
    if (!drawing.region) drawing.text = measure(drawing, state.data.spacing, state.words)
    this.place()
  }

  release() {
    const { drawing } = this.state
    this.grip = null
    this.state.drawing = null
    if (!drawing || drawing.points.length < 2) return
    if (drawing.region) {
      const region = { kind: drawing.kind, points: tenths(drawing.points) }
      this.state.region = { ...region, frame: drawing.frame }
      this.tell("region", { ...region, of: this.state.data.id })
      this.take("pan")
    } else {
      this.state.measures.push(drawing)
      this.tellMeasures()
    }
    this.place()
  }

  // A page that takes a region takes measurements too: each is the line between two points of the scan.
  tellMeasures() {
    const { data, measures } = this.state
    const here = measures.filter(({ frame }) => frame === data.frames.at)
    if (data.region) this.tell("measures", { of: data.id, lines: here.flatMap(linesOf) })
  }

  later(act) {
    if (this.waiting) return
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null
      act()
    })
  }

  // Sizes of the stages from the room there is.
  layout() {
    const { data } = this.state
    const n = this.stages.length
    const wide = this.root.clientWidth || 600
    const [h, w] = data.size
    const below = window.innerWidth <= NARROW ? BELOW : 0 // there the answer stands under the scan: its head is to be seen
    const bars = this.top.offsetHeight + this.bottom.offsetHeight // those that take two lines leave less
    const tall = Math.max(220, window.innerHeight - data.above - below - Math.max(0, bars - BARS))
    const most = Math.max(1, Math.min(n, Math.floor(wide / 230), 5))
    const laid = (columns) => {
      const rows = Math.ceil(n / columns)
      const width = (wide - 2 * (columns - 1)) / columns
      const room = rows === 1 ? tall : most === 1 ? window.innerHeight : Math.max(LEAST_ROW, tall / rows) // a phone's are as wide as the page
      const height = Math.round(Math.min(room, width * Math.max(h / w, 0.4), n > 1 ? width * 1.2 : 9999))
      return { columns, rows, width, height, fit: Math.min(width / w, height / h) }
    }
    const some = Array.from({ length: most }, (_, i) => laid(i + 1)).filter(({ columns }) => columns > 1 || most === 1)
    const whole = some.filter(({ rows, height }) => rows * (height + 2) <= tall + 2) // all of them seen at once
    const fair = whole.length ? whole : some
    const largest = Math.max(...fair.map(({ fit }) => fit))
    const good = fair.filter(({ fit }) => fit > 0.95 * largest) // pictures as large as they can be, in as few rows
    const { columns, width, height } = good.reduce((best, one) => (one.rows < best.rows ? one : best))
    this.grid.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`
    for (const stage of this.stages) {
      stage.node.style.height = `${height}px`
      Object.assign(stage, { width, height })
    }
    this.state.geometry = { fit: Math.min(width / w, height / h) }
    this.place()
  }

  // Puts everything where zoom and position say; cheap, so it follows every movement.
  place() {
    const { state } = this
    if (!state.geometry) return
    const [h, w] = state.data.size
    const scale = (state.geometry.scale = state.geometry.fit * state.view.z)
    const marks = state.swipe !== undefined && this.how.on
    for (const stage of this.stages) {
      const [x, y] = toStage(state, stage, 0, 0)
      for (const canvas of [stage.base, stage.map]) {
        canvas.style.transform = `translate(${x}px, ${y}px) scale(${(w * scale) / canvas.width}, ${(h * scale) / canvas.height})`
      }
      stage.base.style.imageRendering = (w * scale) / stage.base.width > 4 ? "pixelated" : "auto"
      const cut = marks ? Math.min(stage.map.width, Math.max(0, ((state.swipe * stage.width - x) / (w * scale)) * stage.map.width)) : 0
      stage.map.style.clipPath = marks ? `inset(0 0 0 ${cut}px)` : "none"
      stage.handle.style.display = marks && stage.map.dataset.drawn ? "block" : "none"
      stage.handle.style.left = `${(state.swipe || 0) * stage.width}px`
      drawInk(stage.svg, state, stage)
    }
  }

  // The picture of a pane: at the frame that was answered its own, else the frame's; nothing until that is here.
  sourceOf(pane) {
    const { data, frame } = this.state
    return frame === data.frames.at ? pane.picture : data.frames.shown[Math.round(frame / data.frames.step)]
  }

  paint() {
    const { data, label, win, inverted } = this.state
    const palette = this.palette(this.how.colours)
    data.panes.forEach((pane, i) => {
      const stage = this.stages[i]
      const source = this.sourceOf(pane)
      const picture = this.pictures.get(source)
      stage.base.style.visibility = picture ? "visible" : "hidden"
      stage.unread.textContent = source === "" ? this.state.words.frame_unread : ""
      if (picture) paintBase(stage.base, picture, win, inverted)
      const chosen = pane.maps.find((map) => map.label === label) || (data.labels.some(([id]) => id === label) ? null : pane.maps[0])
      const map = chosen && this.state.frame === data.frames.at && this.pictures.get(chosen.picture)
      const shown = Boolean(this.how.on && map && palette)
      stage.map.style.display = shown ? "block" : "none"
      stage.map.dataset.drawn = shown ? "1" : ""
      stage.scale.style.display = shown ? "flex" : "none"
      if (!shown) return
      paintMap(stage.map, map, { ...this.how, palette })
      this.scaleOf(stage, chosen)
    })
    this.place()
  }

  palette(name) {
    const strip = this.pictures.get(this.state.data.palettes[name] || Object.values(this.state.data.palettes)[0])
    if (!strip) return null
    strip.pixels = strip.pixels || pixelsOf(strip.canvas)
    return strip.pixels
  }

  scaleOf(stage, map) {
    const { words, data } = this.state
    const [most, bar, none] = ["span", "canvas", "span"].map((name) => document.createElement(name))
    most.textContent = words.most
    none.textContent = words.none
    const strip = this.pictures.get(data.palettes[this.how.colours] || Object.values(data.palettes)[0])
    bar.width = 1
    bar.height = 256
    const context = bar.getContext("2d")
    context.translate(0, 256)
    context.rotate(-Math.PI / 2)
    context.drawImage(strip.canvas, 0, 0)
    stage.scale.replaceChildren(most, bar, none)
    stage.scale.title = map.note
  }

  refresh() {
    if (!this.bottom) return
    const held = this.root.getRootNode().activeElement
    const name = held && held.getAttribute && held.getAttribute("aria-label")
    this.bottom.replaceChildren(...buildMapBar(this), ...buildFrameBar(this))
    if (name && !held.isConnected) [...this.bottom.querySelectorAll("[aria-label]")].find((n) => n.getAttribute("aria-label") === name)?.focus()
    const pressed = { [this.state.tool]: true, invert: this.state.inverted, ruler: this.state.ruler, map: this.how.on, swipe: this.state.swipe !== undefined }
    for (const node of this.root.querySelectorAll("button[data-name]")) {
      if (REGIONS.includes(node.dataset.name)) node.disabled = this.state.frame !== this.state.data.frames.at
      if (!["in", "out", "fit", "reset", "clear", "help", "play", "pause"].includes(node.dataset.name)) {
        node.setAttribute("aria-pressed", Boolean(pressed[node.dataset.name]))
      }
    }
  }

  zoom(by, stage = this.stages[0], x = stage.width / 2, y = stage.height / 2) {
    const { state } = this
    const [h, w] = state.data.size
    const [px, py] = toScan(state, stage, x, y)
    const z = Math.min(40, Math.max(0.5, state.view.z * by))
    const scale = state.geometry.fit * z
    state.view = { z, x: (px - (x - stage.width / 2) / scale) / w, y: (py - (y - stage.height / 2) / scale) / h }
    this.place()
  }

  in() { this.zoom(1.25) }
  out() { this.zoom(0.8) }
  fit() { this.state.view = { z: 1, x: 0.5, y: 0.5 }; this.place() }
  // A region is one of the frame that was answered: on another there is nothing to ask about it yet.
  take(tool) {
    if (REGIONS.includes(tool) && this.state.frame !== this.state.data.frames.at) return
    this.state.tool = tool
    this.root.dataset.tool = tool
    this.refresh()
  }

  invert() { this.state.inverted = !this.state.inverted; this.refresh(); this.paint() }
  ruler() { this.state.ruler = !this.state.ruler; this.refresh(); this.place() }
  reset() { this.state.win = PLAIN_WINDOW; this.state.inverted = false; this.state.swipe = undefined; this.refresh(); this.fit(); this.paint() }
  toggleMap() { this.look({ on: !this.how.on }) }
  toggleSwipe() { this.state.swipe = this.state.swipe === undefined ? 0.5 : undefined; this.refresh(); this.place() }

  clear() {
    if (this.state.measures.length) {
      this.state.measures = []
      this.tellMeasures()
    }
    if (this.state.region) this.tell("region", null)
    this.state.region = null
    this.place()
  }

  look(change) {
    Object.assign(this.how, change)
    try { localStorage.setItem(KEPT, JSON.stringify(this.how)) } catch { /* a browser that keeps nothing still shows it now */ }
    this.refresh()
    this.paint()
  }

  hasMap(id) { return this.state.data.panes.some((pane) => pane.maps.some((map) => map.label === id)) }
  choose(id) { if (!this.hasMap(id)) return; this.state.label = id; this.refresh(); this.paint() }

  showFrame(frame) {
    const { n, at, step, shown } = this.state.data.frames
    const last = Math.floor((n - 1) / step) * step
    this.state.frame = frame === at ? at : Math.min(last, Math.max(0, Math.round(frame / step) * step))
    if (REGIONS.includes(this.state.tool) && this.state.frame !== at) this.take("pan")
    if (!shown.length) this.trigger("loop", true)
    this.refresh()
    this.paint()
  }

  play() {
    const { state } = this
    state.playing = !state.playing
    if (state.playing && !state.data.frames.shown.length) this.trigger("loop", true)
    const step = () => {
      if (!state.playing || !this.root.isConnected) return
      if (state.data.frames.shown.length) this.showFrame(state.frame + state.data.frames.step < state.data.frames.n ? state.frame + state.data.frames.step : 0)
      setTimeout(step, FRAME_MS)
    }
    this.refresh()
    step()
  }

  help() {
    const open = this.root.querySelector(".help")
    if (open) return open.remove()
    this.root.append(buildHelp(this.state.words))
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return
    const { data, frame } = this.state
    const cine = data.frames.n > 1
    const help = this.root.querySelector(".help")
    const step = (by) => data.scans && this.trigger("step", by)
    const acts = {
      "+": () => this.in(), "=": () => this.in(), "-": () => this.out(), 0: () => this.fit(), h: () => this.toggleMap(), i: () => this.invert(),
      r: () => this.ruler(), s: () => this.toggleSwipe(), w: () => this.take("window"), p: () => this.take("pan"), d: () => this.take("distance"),
      e: () => this.take("ellipse"), b: () => data.region && this.take("box"), "?": () => this.help(), Escape: help && (() => help.remove()), // else the sheet the viewer stands in is closed
      ArrowUp: () => step(-1), ArrowDown: () => step(1), " ": () => cine && this.play(),
      ArrowLeft: () => (cine ? this.showFrame(frame - data.frames.step) : step(-1)), ArrowRight: () => (cine ? this.showFrame(frame + data.frames.step) : step(1)),
    }
    const label = data.labels[Number(event.key) - 1]
    const act = label ? () => this.choose(label[0]) : acts[event.key] || acts[event.key.toLowerCase()]
    if (!act || (event.key === " " && event.target.matches("button"))) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }
}

const VIEWERS = new WeakMap()

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer")
  root.setAttribute("aria-label", data.words.viewer)
  if (!VIEWERS.has(root)) VIEWERS.set(root, new Viewer(root, parentElement))
  VIEWERS.get(root).update(data, setStateValue, setTriggerValue)
}
