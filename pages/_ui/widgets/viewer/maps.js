// Maps that were drawn after their scan was shown: laid where the viewer finds them, whichever comes first.

export default function ({ data }) {
  window.medclsMaps = data
  window.dispatchEvent(new Event("medcls-maps"))
}
