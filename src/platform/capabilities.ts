import { readFileSync } from 'node:fs'

/** The privileges of this process that the gateway uses (capabilities(7)). */
export type Capabilities = {
  /** TUN devices, addresses, routes, rules, marks. */
  readonly netAdmin: boolean
  /** Native ESP. */
  readonly netRaw: boolean
  /** Port 500, as any below 1024. */
  readonly netBindService: boolean
}

export function effectiveCapabilities(): Capabilities {
  return parseCapabilities(readFileSync('/proc/self/status', 'utf8'))
}

/** @param status what `/proc/PID/status` holds (proc_pid_status(5)) */
export function parseCapabilities(status: string): Capabilities {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  const has = (bit: bigint): boolean => ((effective >> bit) & 1n) === 1n
  return {
    netAdmin: has(CAP_NET_ADMIN),
    netRaw: has(CAP_NET_RAW),
    netBindService: has(CAP_NET_BIND_SERVICE),
  }
}

const CAP_NET_BIND_SERVICE = 10n
const CAP_NET_ADMIN = 12n
const CAP_NET_RAW = 13n
