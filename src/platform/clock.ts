import { checked } from './errno.ts'
import { allocateMemory, program } from './native.ts'

/** What the kernel says of the wall clock (adjtimex(2)): whether a time daemon keeps it, and how wrong it may be. */
export type ClockState = {
  readonly synchronised: boolean
  /** Milliseconds; grows while nobody keeps the clock. */
  readonly maximumError: number
}

export function clockState(): ClockState {
  const timex = allocateMemory(TIMEX_OCTETS)
  const state = checked('adjtimex', adjtimex(timex.address))
  const unsynchronised = (timex.view.getInt32(STATUS, true) & STA_UNSYNC) !== 0
  return {
    synchronised: state !== TIME_ERROR && !unsynchronised,
    maximumError: Number(timex.view.getBigInt64(MAXERROR, true)) / 1000,
  }
}

const adjtimex: (timex: number) => number = program.func('int adjtimex(uint64_t timex)')

/** `struct timex` on LP64, all zero: ask only. */
const TIMEX_OCTETS = 208
const MAXERROR = 24
const STATUS = 40
const STA_UNSYNC = 0x40
const TIME_ERROR = 5
