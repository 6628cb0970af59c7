import { Secret } from '#bytes/secret'

/** What goes into a key file: the key and a line end, which is not part of it. */
export function keyFileOctets(key: Secret): Uint8Array {
  const octets = key.reveal()
  const file = new Uint8Array(octets.length + 1)
  file.set(octets)
  file[octets.length] = 0x0a
  return file
}

/** The key as text, where an operator asks to see it; undefined where it is not made of printable characters. */
export function keyText(key: Secret): string | undefined {
  const text = new TextDecoder().decode(key.reveal())
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined
}

export function secretOf(text: string): Secret {
  return new Secret(new TextEncoder().encode(text))
}

/** The text of a file for `xauth.users`, without its last line end: as a key, it is written by keyFileOctets. */
export function usersFile(
  users: readonly { readonly user: string; readonly password: Secret }[],
): Secret {
  const lines = users.map(({ user, password }) =>
    Buffer.concat([Buffer.from(`${user}:`), password.reveal()]),
  )
  const separated = lines.flatMap((line, i) => (i === 0 ? [line] : [Buffer.from('\n'), line]))
  return new Secret(Buffer.concat(separated))
}
