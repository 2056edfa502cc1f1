// A table whose cells are buttons: one is reached by Tab, the others by arrows.

function part(kind, name, text) {
  const node = document.createElement(kind)
  if (name) node.className = name
  node.textContent = text
  return node
}

function headOf(letter, name, scope) {
  const node = part("th", "", "")
  node.scope = scope
  node.title = name
  node.append(part("b", "", letter))
  if (scope === "row") node.append(name)
  else node.setAttribute("aria-label", `${letter} ${name}`)
  return node
}

function cellOf(data, row, column, choose) {
  const node = document.createElement("td")
  const told = data.rows[row][column]
  if (!told) return node
  const [value, interval, sure] = told
  const press = part("button", sure ? "sure" : "", "")
  press.type = "button"
  press.dataset.at = `${row},${column}`
  press.tabIndex = -1
  press.setAttribute("aria-label", `${data.names[row]} − ${data.names[column]}: ${value} ${interval}${sure ? " ●" : ""}`)
  press.append(part("span", "value", sure ? `${value} ●` : value), part("span", "interval", interval))
  press.addEventListener("click", () => choose(row, column))
  node.append(press)
  return node
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }

function walk(root, event) {
  const step = STEPS[event.key]
  const from = event.target.dataset && event.target.dataset.at
  if (!step || !from) return
  event.preventDefault()
  let [row, column] = from.split(",").map(Number)
  const side = root.querySelectorAll("tbody tr").length
  for (let i = 0; i < 2; i++) { // the diagonal is empty: over it
    row += step[0]
    column += step[1]
    if (row < 0 || column < 0 || row >= side || column >= side) return
    const next = root.querySelector(`[data-at="${row},${column}"]`)
    if (next) return reach(root, next).focus()
  }
}

function reach(root, node) {
  for (const one of root.querySelectorAll("button")) one.tabIndex = -1
  node.tabIndex = 0
  return node
}

const DRAWN = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".matrix")
  const key = JSON.stringify(data)
  if (DRAWN.get(root) === key) return
  if (!DRAWN.has(root)) root.addEventListener("keydown", (event) => walk(root, event))
  DRAWN.set(root, key)
  const table = document.createElement("table")
  table.setAttribute("aria-label", data.title)
  const choose = (row, column) => {
    for (const one of root.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.dataset.at === `${row},${column}`))
    reach(root, root.querySelector(`[data-at="${row},${column}"]`))
    setStateValue("cell", [row, column])
  }
  const head = table.createTHead().insertRow()
  head.append(part("td", "", ""), ...data.names.map((name, i) => headOf(data.letters[i], name, "col")))
  const body = table.createTBody()
  data.rows.forEach((cells, row) => {
    body.insertRow().append(headOf(data.letters[row], data.names[row], "row"), ...cells.map((_, column) => cellOf(data, row, column, choose)))
  })
  root.replaceChildren(table)
  const first = root.querySelector("button")
  if (first) reach(root, first)
}
