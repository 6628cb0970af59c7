import { type Candidate, preferredOf } from './preference.ts'
import type { IkeSa } from './version.ts'

/** An established IKE SA with what decides between it and others. */
export type EstablishedIkeSa = Candidate & { readonly sa: IkeSa }

/** The IKE SAs of one tunnel. One established SA serves; others are on their way in or out. */
export class IkeSaSet {
  readonly #ikeSas = new Set<IkeSa>()

  get all(): readonly IkeSa[] {
    return [...this.#ikeSas]
  }

  get halfOpen(): readonly IkeSa[] {
    return this.all.filter(({ state, role }) => state === 'negotiating' && role === 'responder')
  }

  get isNegotiating(): boolean {
    return this.all.some(({ state }) => state === 'negotiating')
  }

  get established(): readonly EstablishedIkeSa[] {
    return this.all.flatMap((sa) => {
      const facts = sa.facts()
      if (facts === undefined) return []
      const { establishedAt, initiatorSpi } = facts
      return [{ sa, startedAt: sa.startedAt, establishedAt, rank: initiatorSpi }]
    })
  }

  get preferred(): IkeSa | undefined {
    return preferredOf(this.established)?.sa
  }

  add(sa: IkeSa): void {
    this.#ikeSas.add(sa)
  }

  remove(sa: IkeSa): void {
    this.#ikeSas.delete(sa)
  }
}
