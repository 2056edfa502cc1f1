// Pictures in rows: every one is a button that opens it large.

function line(name, text) {
  const node = document.createElement("span")
  node.className = name
  node.textContent = text
  return node
}

function figureOf(row, words, open) {
  const node = document.createElement("button")
  node.type = "button"
  node.title = row.name
  node.setAttribute("aria-label", [words.open, row.word, row.name, ...row.told].filter(Boolean).join(", "))
  node.style.setProperty("--colour", row.colour)
  const picture = row.src
    ? Object.assign(document.createElement("img"), { src: row.src, alt: "", loading: "lazy" })
    : line("none", words.unreadable)
  node.append(picture, line("word", row.word), line("name", row.name.split("/").pop()), ...row.told.map((told) => line("told", told)))
  node.addEventListener("click", open)
  return node
}

const DRAWN = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".gallery")
  const key = JSON.stringify(data)
  if (DRAWN.get(root) === key) return
  DRAWN.set(root, key)
  root.style.setProperty("--side", `${data.side}px`)
  root.replaceChildren(...data.rows.map((row, place) => figureOf(row, data.words, () => setTriggerValue("open", place))))
}
