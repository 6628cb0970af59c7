import { type Document, isCollection, isNode, isScalar, visit } from 'yaml'
import { nearestName } from '#policy/nearest'

/**
 * The text of a file with every value that is, or by a slip may be, a secret replaced in place, so that lines and columns
 * stay. References (`file:`, `env:`) are left. A value is also recognised in text that is not YAML.
 */
export function blankSecrets(text: string, document: Document.Parsed): string {
  let blanked = text
  const blank = (start: number, end: number) => {
    const cover = blanked.slice(start, end).replace(/[^\r\n]/g, ' ')
    const label = cover.startsWith(' '.repeat(LABEL.length)) ? LABEL : ''
    blanked = blanked.slice(0, start) + label + cover.slice(label.length) + blanked.slice(end)
  }
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || !isNode(value) || !isSecretKey(String(key.value))) return
      if (isScalar(value) && REFERENCE.test(String(value.value))) return
      // A group under a key that is near `psk` is another slip; its own keys are looked at.
      if (isCollection(value) && value.flow !== true) return
      const [start, end] = value.range ?? [0, 0]
      blank(start, end)
    },
  })
  return blanked.replace(SECRET_LINE, `$1${LABEL}`)
}

const LABEL = '[secret]'
const REFERENCE = /^(?:file|env):/
const SECRET_WORD = /psk|secret|passw|passphrase|preshared|pre-shared/i
/** In a line that the parser could not make sense of. */
const SECRET_LINE =
  /^([^#\n]*(?:psk|secret|passw\w*|pre-?shared-?key)["']?\s*:[ \t]*)(?!["']?(?:file|env):|\[secret\]|\s)\S.*$/gim

function isSecretKey(key: string): boolean {
  return SECRET_WORD.test(key) || nearestName(key, ['psk']) !== undefined
}
