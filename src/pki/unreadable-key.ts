export type UnreadableKeyCode =
  | 'not-a-key'
  | 'passphrase-needed'
  | 'wrong-passphrase'
  | 'unsupported'

/** Why a key file gave no key. */
export class UnreadableKey extends Error {
  override readonly name = 'UnreadableKey'
  readonly code: UnreadableKeyCode

  constructor(code: UnreadableKeyCode, message: string) {
    super(message)
    this.code = code
  }
}
