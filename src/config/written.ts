import { plain, type YamlNode } from './document.ts'

/** What is written under each path of a tunnel (`phase1`, `networks.0`), as text; secrets by no more than a word. */
export type Written = Readonly<Record<string, string>>

export function writtenIn(node: YamlNode | undefined): Written {
  const written: Record<string, string> = {}
  const walk = (path: string, inner: YamlNode): void => {
    if (inner.kind === 'scalar') {
      written[path] = isSecret(path, inner) ? SECRET : String(inner.value ?? '')
      return
    }
    const parts =
      inner.kind === 'list'
        ? inner.items.map((item, index) => [String(index), item] as const)
        : [...inner.entries].map(([key, { value }]) => [key, value] as const)
    for (const [step, value] of parts) walk(path === '' ? step : `${path}.${step}`, value)
  }
  if (node !== undefined) walk('', node)
  return written
}

export const SECRET = '[secret]'

/** A reference says where a secret is, not what it is. */
function isSecret(path: string, node: YamlNode): boolean {
  const key = path.slice(path.lastIndexOf('.') + 1)
  return SECRET_KEYS.has(key) && !/^(?:file|env):/.test(String(plain(node)))
}

const SECRET_KEYS: ReadonlySet<string> = new Set(['psk', 'passphrase', 'password'])
