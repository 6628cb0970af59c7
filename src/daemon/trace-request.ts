import { ipFamily, parseIp } from '#bytes/ip'
import type { Config } from '#config/config'
import { RequestRefused } from '#control/server'
import type { TraceDocument, TracedPacket } from '#control/trace'
import { kernelView } from '#platform/kernel-view'
import type { GatewayParts } from './gateway.ts'
import { trace } from './trace.ts'

/** @throws RequestRefused for addresses that are none, or of two families */
export function traceRequested(
  { source, destination, protocol, sourcePort, destinationPort }: TracedPacket,
  { clock, engine, dataPlane }: Pick<GatewayParts, 'clock' | 'engine' | 'dataPlane'>,
  config: Config,
): TraceDocument {
  const [from, to] = [parseIp(source), parseIp(destination)]
  if (from === undefined || to === undefined) {
    const wrong = from === undefined ? source : destination
    throw new RequestRefused('bad-request', `${wrong} is not an IP address`)
  }
  if (ipFamily(from) !== ipFamily(to)) {
    throw new RequestRefused('bad-request', `${source} cannot send to ${destination}`)
  }
  const packet = { source: from, destination: to, protocol, sourcePort, destinationPort }
  return trace(packet, {
    clock,
    config,
    snapshots: engine.snapshot(clock.now()),
    counters: dataPlane.counters(),
    kernel: kernelView(packet),
  })
}
