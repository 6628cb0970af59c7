import type { Config } from '#config/config'
import { isOverdue, overdueText } from '#config/historic'
import type { TunnelSnapshot } from '#ike/events'
import { expiryText, isEnding } from '#pki/expiry'

export type DailyWarningsParts = {
  readonly now: () => Date
  readonly config: () => Config | undefined
  readonly snapshots: () => readonly TunnelSnapshot[]
  readonly warn: (text: string) => void
}

/** After the gateway has started, so that peers have shown theirs. */
const FIRST_AFTER = 60_000
const EVERY = 86_400_000

/** Says once a day which certificates have expired or are about to, and which tunnels should have left IKEv1. */
export class DailyWarnings {
  readonly #parts: DailyWarningsParts
  #timer: NodeJS.Timeout | undefined

  constructor(parts: DailyWarningsParts) {
    this.#parts = parts
  }

  start(): void {
    this.#schedule(FIRST_AFTER)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #schedule(after: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#look()
      this.#schedule(EVERY)
    }, after)
    this.#timer.unref()
  }

  #look(): void {
    const { config, snapshots, now: clock, warn } = this.#parts
    const configured = config()
    if (configured === undefined) return
    const date = clock()
    const now = date.getTime()
    for (const tunnel of configured.tunnels) {
      if (isOverdue(tunnel, date)) warn(overdueText(tunnel))
    }
    const tunnels = new Map<string, Set<string>>()
    for (const { whose, subject, notAfter, tunnel } of certificatesInUse(configured, snapshots())) {
      if (!isEnding(notAfter, now)) continue
      const text = `CW-307 ${whose} ${subject} ${expiryText(notAfter, now)}`
      tunnels.set(text, (tunnels.get(text) ?? new Set()).add(tunnel))
    }
    for (const [text, names] of tunnels) warn(`${text}: ${[...names].join(', ')}`)
  }
}

/** Ours with what is sent along, the CAs that are trusted, and what the peers have shown. */
function certificatesInUse(
  { tunnels }: Config,
  snapshots: readonly TunnelSnapshot[],
): readonly CertificateInUse[] {
  const configured = tunnels.flatMap(({ name: tunnel, authentication }): CertificateInUse[] => {
    const own = 'own' in authentication ? authentication.own : []
    const trust = 'trust' in authentication ? authentication.trust : []
    return [
      ...own.map(({ subject, notAfter }) => ({
        whose: 'our certificate' as const,
        subject: subject.text,
        notAfter,
        tunnel,
      })),
      ...trust.map(({ subject, notAfter }) => ({
        whose: 'the CA' as const,
        subject: subject.text,
        notAfter,
        tunnel,
      })),
    ]
  })
  const shown = snapshots.flatMap(({ tunnel, ikeSas }) =>
    ikeSas.flatMap(({ peerCertificate }): CertificateInUse[] =>
      peerCertificate === undefined
        ? []
        : [{ whose: 'the certificate of the peer', ...peerCertificate, tunnel }],
    ),
  )
  return [...configured, ...shown]
}

/** A certificate and a tunnel that depends on it; `notAfter` in milliseconds since 1970. */
type CertificateInUse = {
  readonly whose: 'our certificate' | 'the CA' | 'the certificate of the peer'
  readonly subject: string
  readonly notAfter: number
  readonly tunnel: string
}
