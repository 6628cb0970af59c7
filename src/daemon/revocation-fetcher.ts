import { request as httpRequest } from 'node:http'
import { LONGEST_CRL, parseCrl } from '#pki/crl'
import { LONGEST_OCSP_RESPONSE } from '#pki/ocsp'
import type { Fetch, Fetched } from '#pki/revocation'

export type FetcherOptions = {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds for one fetch as a whole; a peer waits meanwhile. */
  readonly patience?: number
}

/**
 * Gets CRLs and OCSP responses over plain HTTP, which is all they need: both are signed. Only URLs of certificates whose path
 * and signature were proven reach it. Bounded in time, size and number, kept until they are out of date.
 */
export class RevocationFetcher {
  readonly #now: () => number
  readonly #patience: number
  readonly #kept = new Map<string, { readonly until: number; readonly result: Fetched }>()
  readonly #running = new Map<string, Promise<Fetched>>()

  constructor({ now, patience = 5_000 }: FetcherOptions) {
    this.#now = now
    this.#patience = patience
  }

  /** Never rejects: what could not be had says why. */
  fetch(wanted: Fetch): Promise<Fetched> {
    const kept = this.#kept.get(wanted.key)
    if (kept !== undefined && this.#now() < kept.until) return Promise.resolve(kept.result)
    const running = this.#running.get(wanted.key)
    if (running !== undefined) return running
    if (this.#running.size >= MOST_RUNNING)
      return Promise.resolve({ problem: 'too many other fetches are under way' })
    const started = this.#get(wanted).then((result) => {
      this.#running.delete(wanted.key)
      this.#keep(wanted, result)
      return result
    })
    this.#running.set(wanted.key, started)
    return started
  }

  #keep(wanted: Fetch, result: Fetched): void {
    this.#kept.delete(wanted.key)
    this.#kept.set(wanted.key, { until: this.#now() + this.#lifetime(wanted, result), result })
    let octets = [...this.#kept.values()].reduce((sum, { result: one }) => sum + sizeOf(one), 0)
    // The oldest go first.
    for (const [key, { result: one }] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT && octets <= MOST_OCTETS) return
      octets -= sizeOf(one)
      this.#kept.delete(key)
    }
  }

  #lifetime({ kind }: Fetch, result: Fetched): number {
    if ('problem' in result) return AFTER_PROBLEM
    if (kind === 'ocsp') return OCSP_LIFETIME
    try {
      const { nextUpdate } = parseCrl(result.content)
      const left = (nextUpdate ?? 0) - this.#now()
      return Math.min(Math.max(left, SHORTEST), LONGEST)
    } catch {
      return AFTER_PROBLEM
    }
  }

  #get(wanted: Fetch): Promise<Fetched> {
    return new Promise((resolve) => {
      const most = wanted.kind === 'crl' ? LONGEST_CRL : LONGEST_OCSP_RESPONSE
      const parts: Uint8Array[] = []
      let length = 0
      const timer = setTimeout(() => end({ problem: 'no answer in time' }), this.#patience)
      const sent = begin(wanted, (problem) => end({ problem }))
      const end = (result: Fetched) => {
        clearTimeout(timer)
        sent?.destroy()
        resolve(result)
      }
      sent?.on('error', (error: NodeJS.ErrnoException) =>
        end({ problem: `not reachable (${error.code ?? 'error'})` }),
      )
      sent?.on('response', (response) => {
        // No redirects: they lead where no certificate said.
        if (response.statusCode !== 200) {
          end({ problem: `the server answered ${response.statusCode}` })
          return
        }
        response.on('data', (part: Uint8Array) => {
          length += part.length
          if (length > most) end({ problem: `more than ${most} octets` })
          else parts.push(part)
        })
        response.on('error', () => end({ problem: 'the answer broke off' }))
        response.on('end', () =>
          end(
            response.complete
              ? { content: new Uint8Array(Buffer.concat(parts)) }
              : { problem: 'the answer broke off' },
          ),
        )
      })
      if (wanted.kind === 'ocsp') sent?.write(wanted.request)
      sent?.end()
    })
  }
}

const MINUTE = 60_000
const AFTER_PROBLEM: number = MINUTE / 2
const OCSP_LIFETIME: number = 5 * MINUTE
const SHORTEST: number = MINUTE
const LONGEST: number = 24 * 60 * MINUTE
const MOST_RUNNING = 16
const MOST_KEPT = 256
const MOST_OCTETS: number = 128 * 1024 * 1024

function begin({ url, ...wanted }: Fetch, fail: (problem: string) => void) {
  const target = URL.canParse(url) ? new URL(url) : undefined
  if (target?.protocol !== 'http:') {
    // Not before the caller has what it cleans up.
    queueMicrotask(() => fail('not a URL of HTTP'))
    return undefined
  }
  if (wanted.kind === 'crl') return httpRequest(target, { agent: false })
  const headers = {
    'content-type': 'application/ocsp-request',
    'content-length': wanted.request.length,
  }
  return httpRequest(target, { agent: false, method: 'POST', headers })
}

function sizeOf(result: Fetched): number {
  return 'content' in result ? result.content.length : 0
}
