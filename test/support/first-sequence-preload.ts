// For `node --import`: every outbound SA of the process begins behind CAUSEWAY_TEST_LAST_SEQUENCE, a decimal number of up to 64 bits, so that
// a test can come to the end of a number space. The gateway itself has no such knob.
import { type Expiry, SequenceCounter } from '#esp/sequence'

const last = BigInt(process.env.CAUSEWAY_TEST_LAST_SEQUENCE ?? '0')
const next = SequenceCounter.prototype.next

SequenceCounter.prototype.next = function (this: SequenceCounter): Expiry {
  if (this.low === 0 && this.high === 0) {
    this.low = Number(last & 0xffff_ffffn)
    this.high = Number(last >> 32n)
  }
  return next.call(this)
}
