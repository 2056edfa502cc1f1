// Pictures and maps: loaded once per digest, drawn on canvases.

function loadImage(src) {
  return new Promise((done, failed) => {
    const image = new Image()
    image.onload = () => done(image)
    image.onerror = () => failed(new Error("a picture could not be shown"))
    image.src = src
  })
}

function canvasOf(image) {
  const canvas = document.createElement("canvas")
  canvas.width = image.naturalWidth
  canvas.height = image.naturalHeight
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(image, 0, 0)
  return canvas
}

function pixelsOf(canvas) {
  return canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height)
}

// 256 output values for 256 input values: window (centre and width as shares of the full range) and inversion.
function windowTable(win, invert) {
  const low = win.centre - win.width / 2
  const table = new Uint8ClampedArray(256)
  for (let i = 0; i < 256; i++) {
    const value = (255 * (i / 255 - low)) / win.width
    table[i] = invert ? 255 - value : value
  }
  return table
}

function isPlain(win, invert) {
  return !invert && win.centre === 0.5 && win.width === 1
}

function paintBase(canvas, picture, win, invert) {
  if (canvas.width !== picture.canvas.width) canvas.width = picture.canvas.width
  if (canvas.height !== picture.canvas.height) canvas.height = picture.canvas.height
  const context = canvas.getContext("2d")
  if (isPlain(win, invert)) {
    context.drawImage(picture.canvas, 0, 0)
    return
  }
  picture.pixels = picture.pixels || pixelsOf(picture.canvas)
  const table = windowTable(win, invert)
  const from = picture.pixels.data
  const out = context.createImageData(canvas.width, canvas.height)
  const to = out.data
  for (let i = 0; i < from.length; i += 4) {
    to[i] = table[from[i]]
    to[i + 1] = table[from[i + 1]]
    to[i + 2] = table[from[i + 2]]
    to[i + 3] = 255
  }
  context.putImageData(out, 0, 0)
}

const OPAQUE_FROM = 128 // weaker evidence is shown fainter
const LEVELS = [64, 128, 191] // contours: a quarter, a half, three quarters
const UNSEEN = 115 // how dark what the network did not see becomes, of 255

// A map is a grey picture with alpha: grey is the strength of the evidence, alpha 0 what the network did not see.
function paintMap(canvas, map, how) {
  canvas.width = map.canvas.width
  canvas.height = map.canvas.height
  map.pixels = map.pixels || pixelsOf(map.canvas)
  const context = canvas.getContext("2d")
  const out = context.createImageData(canvas.width, canvas.height)
  const from = map.pixels.data
  const to = out.data
  const colours = how.palette.data
  for (let i = 0; i < from.length; i += 4) {
    const value = from[i]
    if (from[i + 3] < 128) {
      to[i + 3] = UNSEEN
      continue
    }
    const c = 4 * value
    to[i] = colours[c]
    to[i + 1] = colours[c + 1]
    to[i + 2] = colours[c + 2]
    if (how.style !== "contour") to[i + 3] = 255 * how.opacity * Math.min(1, value / OPAQUE_FROM)
  }
  if (how.style !== "fill") paintContours(from, to, canvas.width, canvas.height)
  context.putImageData(out, 0, 0)
}

function paintContours(from, to, width, height) {
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = 4 * (y * width + x)
      const value = from[i]
      const least = Math.min(from[i - 4], from[i + 4], from[i - 4 * width], from[i + 4 * width])
      if (LEVELS.some((level) => value >= level && least < level)) to[i + 3] = 255
    }
  }
}
