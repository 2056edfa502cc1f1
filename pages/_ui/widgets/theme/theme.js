// The theme's switch: presses the items of Streamlit's own menu.

const app = () => document.querySelector('[data-testid="stApp"]')
const scheme = () => getComputedStyle(app()).colorScheme

// Sheets hang outside the app, and have the document's scheme.
function tell() {
  document.documentElement.style.colorScheme = scheme()
}

// Streamlit keeps the choice by the address that was loaded: a link to another page would not know it.
function keep(below) {
  const loaded = new URL(performance.getEntriesByType("navigation")[0].name).pathname
  const name = (path) => `stActiveTheme-${path}-v2`
  const chosen = localStorage.getItem(name(loaded))
  const base = loaded.replace(new RegExp(`(${below.join("|")})/?$`), "")
  if (chosen) for (const page of ["", ...below]) localStorage.setItem(name(base + page), chosen)
}

// The menu's items are drawn a little after it is opened; where they are not, it stays open to be used.
function choose(wanted, tries = 40) {
  const item = document.querySelector(`[data-testid="stMainMenuItem-theme-${wanted}"]`)
  if (!item) return tries && requestAnimationFrame(() => choose(wanted, tries - 1))
  item.click()
  const menu = document.querySelector('[data-testid="stMainMenuButton"]')
  if (menu?.getAttribute("aria-expanded") === "true") menu.click()
}

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button")
  button.title = data.word
  button.setAttribute("aria-label", data.word)
  button.onclick = () => {
    document.querySelector('[data-testid="stMainMenuButton"]')?.click()
    choose(scheme() === "dark" ? "Light" : "Dark")
  }
  tell()
  const watch = new MutationObserver(() => {
    if (scheme() === document.documentElement.style.colorScheme) return
    tell()
    keep(data.below.split(" "))
  })
  watch.observe(app(), { attributes: true, attributeFilter: ["class"] })
  return () => watch.disconnect()
}
