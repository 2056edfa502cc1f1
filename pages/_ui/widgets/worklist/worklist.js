// The worklist: redrawn only where a line changed; arrows go up and down, Enter or a click opens.

function cell(tag, name, text) {
  const node = document.createElement(tag)
  node.className = name
  if (text !== undefined) node.textContent = text
  return node
}

function lineOf(row, words) {
  const node = cell("div", "line")
  node.setAttribute("role", "option")
  node.id = `line-${row.place}`
  node.dataset.place = row.place
  const picture = row.thumb ? Object.assign(cell("img", "thumb"), { src: row.thumb, alt: "" }) : cell("div", "thumb")
  const text = cell("div", "text")
  const top = cell("div", "top")
  const chip = cell("span", row.word ? "chip" : "chip wait", row.word || words.waiting)
  chip.style.setProperty("--colour", row.colour)
  top.append(chip, cell("span", "prob", row.prob))
  text.append(top, cell("div", "name", row.case ? `${row.case} · ${row.name}` : row.name))
  if (row.caution) text.append(cell("div", "caution", row.caution))
  const tick = cell("span", "tick", row.looked ? "✓" : "")
  if (row.looked) tick.title = words.looked
  node.append(picture, text, tick)
  return node
}

const HELD = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".list")
  const held = HELD.get(root) || { lines: new Map() }
  root.setAttribute("aria-label", data.words.list)
  root.style.setProperty("--height", `${data.height}px`)
  const lines = data.rows.map((row) => {
    const key = JSON.stringify(row)
    const old = held.lines.get(row.place)
    const node = old && old.key === key ? old.node : lineOf(row, data.words)
    node.setAttribute("aria-selected", row.place === data.chosen)
    return [row.place, { key, node }]
  })
  held.lines = new Map(lines)
  const nodes = lines.map(([, { node }]) => node)
  if (nodes.length !== root.children.length || nodes.some((node, i) => root.children[i] !== node)) root.replaceChildren(...nodes)
  root.setAttribute("aria-activedescendant", `line-${data.chosen}`)
  const open = (place) => place !== undefined && setTriggerValue("open", place)
  if (held.chosen !== data.chosen) held.lines.get(data.chosen)?.node.scrollIntoView({ block: "nearest", inline: "nearest" })
  held.chosen = data.chosen
  root.onclick = (event) => {
    const line = event.target.closest(".line")
    if (line) open(Number(line.dataset.place))
  }
  root.onkeydown = (event) => {
    const by = { ArrowDown: 1, ArrowRight: 1, j: 1, ArrowUp: -1, ArrowLeft: -1, k: -1 }[event.key]
    if (!by) return
    event.preventDefault()
    event.stopPropagation()
    const at = data.rows.findIndex((row) => row.place === held.chosen)
    const next = data.rows[Math.min(data.rows.length - 1, Math.max(0, at + by))]
    if (!next || next.place === held.chosen) return
    held.chosen = next.place
    for (const [place, { node }] of held.lines) node.setAttribute("aria-selected", place === next.place)
    held.lines.get(next.place).node.scrollIntoView({ block: "nearest", inline: "nearest" })
    open(next.place)
  }
  HELD.set(root, held)
}
