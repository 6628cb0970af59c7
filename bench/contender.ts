import type { Pair } from './namespaces.ts'

/** One way from one gateway to the other, ready to carry. */
export type Way = {
  /** In `--json`, and with a capital letter in the names of ratios. */
  readonly name: string
  readonly pair: Pair
  readonly from: string
  readonly to: string
  /** Processes that do its work, on both sides; none for the plain link. */
  readonly pids: readonly number[]
}

/** A contender that cannot take part, and why. */
export type Absent = { readonly name: string; readonly reason: string }

/** Several ways may come from one contender: ciphers and encapsulations of one gateway. */
export type Contender = {
  readonly name: string
  /** How many outer addresses it uses, from `first` on. */
  readonly addresses: number
  start(pair: Pair, first: number): Promise<readonly Way[]>
}
