import type { IpAddress } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import type { CertificateCredentials, TrustAnchors } from '#pki/verify-peer'
import type { Xauth } from './config.ts'
import { nodeAt, type YamlNode } from './document.ts'
import type { TunnelDraft } from './draft.ts'
import { type ConfigProblem, type Place, type ProblemText, problemAt } from './problem.ts'

/** One tunnel as it stands in a file, with what could be read of it. */
export type TunnelSource = {
  readonly name: string
  /** The name itself. */
  readonly at: Place
  readonly node: YamlNode | undefined
  /** Keys that are missing or wrong are absent. */
  readonly draft: Partial<TunnelDraft>
  /** The tunnel's own address, or the gateway's. */
  readonly local: IpAddress | undefined
  /** Whether neither has one, rather than a wrong one. */
  readonly withoutAddress: boolean
  readonly psk: Secret | undefined
  /** What `certificate` names, once read. */
  readonly credentials: CertificateCredentials | undefined
  /** The same where it names no key of ours. */
  readonly anchors: TrustAnchors | undefined
  /** What `xauth` names, once read. */
  readonly xauth: Xauth | undefined
  /** When the file is read, in milliseconds since 1970: certificates expire. */
  readonly now: number
}

/** The value at `keys`, or the nearest thing above it that is written, at last the tunnel's name. */
export function placeOf({ node, at }: TunnelSource, keys: readonly (string | number)[]): Place {
  if (node === undefined) return at
  const found = nodeAt(node, keys)
  return found === node ? at : found.place
}

export function isWritten({ node }: TunnelSource, ...keys: readonly (string | number)[]): boolean {
  const above = node && nodeAt(node, keys.slice(0, -1))
  return above !== undefined && nodeAt(above, keys.slice(-1)) !== above
}

export function tunnelProblem(
  severity: ConfigProblem['severity'],
  tunnel: TunnelSource,
  keys: readonly (string | number)[],
  text: ProblemText,
): ConfigProblem {
  const path = ['tunnels', tunnel.name, ...keys].join('.')
  return problemAt(severity, placeOf(tunnel, keys), path, text)
}

/** `line 80`, with the file where it is another one. */
export function lineOf(place: Place, seenFrom: Place): string {
  return place.file === seenFrom.file
    ? `line ${place.line}`
    : `${place.file.slice(place.file.lastIndexOf('/') + 1)}:${place.line}`
}
