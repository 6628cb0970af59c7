import { mkdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { type IpAddress, parseIp } from '#bytes/ip'
import { messageOf } from '#bytes/thrown'
import { isTunnelPacket, peerFilter, wirePackets } from '#capture/tunnel-packet'
import type { ControlClient } from '#control/client'
import type { TunnelStatus } from '#control/status'
import { SystemError } from '#platform/errno'
import { PacketCapture } from '#platform/packet-capture'
import { TunnelCaptureFile } from './capture-file.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import type { Terminal } from './terminal.ts'

export type CaptureOptions = {
  readonly write?: string
  readonly seconds?: number
  readonly interface?: string
  readonly last?: boolean
  readonly decrypt?: boolean
  readonly json?: boolean
}

/** Where things are written to. */
type Paths = { readonly file: string; readonly keys: string | undefined }

/** `causeway capture`: what passes the wire for one tunnel, or with `--last` what the gateway has kept of its negotiations. */
export function capture(
  terminal: Terminal,
  addressing: Addressing,
  name: string,
  options: CaptureOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const { tunnels } = await client.request({ command: 'status', tunnels: [name] })
    const [tunnel, another] = tunnels
    if (tunnel === undefined || another !== undefined) {
      terminal.err(`causeway: ${name} names ${tunnels.length} tunnels; capture takes one\n`)
      return EXIT.usage
    }
    const file = options.write ?? `${tunnel.name}.pcapng`
    const keys = options.decrypt === true ? `${file.replace(/\.pcap(?:ng)?$/, '')}.keys` : undefined
    if (keys !== undefined) {
      mkdirSync(keys, { recursive: true, mode: 0o700 })
      const { ike, esp } = await writeKeys(client, tunnel, keys)
      if (ike + esp === 0)
        terminal.err(`${tunnel.name} has no SA at the moment, so there is no key of it\n`)
    }
    const paths = { file, keys }
    return options.last === true
      ? await keptMessages(client, tunnel, paths, options, terminal)
      : await listen(client, tunnel, paths, options, terminal)
  })
}

async function writeKeys(client: ControlClient, { name }: TunnelStatus, folder: string) {
  return client.request({ command: 'keys', tunnels: [name], folder: resolve(folder) })
}

async function keptMessages(
  client: ControlClient,
  tunnel: TunnelStatus,
  paths: Paths,
  options: CaptureOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { datagrams } = await client.request({ command: 'datagrams', tunnels: [tunnel.name] })
  if (datagrams.length === 0) {
    terminal.err(`causeway: the gateway has kept no IKE message of ${tunnel.name}\n`)
    return EXIT.down
  }
  const file = openFile(tunnel, paths.file, 'none', terminal)
  if (file === undefined) return EXIT.permission
  for (const datagram of datagrams) file.addKept(datagram)
  file.close()
  report(file, tunnel, paths, 0, options, terminal)
  return EXIT.ok
}

const DRAIN_EVERY = 20
/** SAs come and go while it listens. */
const KEYS_EVERY = 2_000

async function listen(
  client: ControlClient,
  tunnel: TunnelStatus,
  paths: Paths,
  options: CaptureOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const device = options.interface ?? deviceOf(tunnel.local)
  if (device === undefined) {
    const text = `no interface has our address ${tunnel.local}; name one: --interface eth0`
    terminal.err(`causeway: ${text}\n`)
    return EXIT.usage
  }
  const opened = openCapture(device, tunnel, terminal)
  if (typeof opened === 'number') return opened
  const file = openFile(tunnel, paths.file, device, terminal)
  if (file === undefined) {
    opened.close()
    return EXIT.permission
  }
  if (paths.keys !== undefined) {
    // Wireshark reads IKE only when it has seen the SA begin.
    const { datagrams } = await client.request({ command: 'datagrams', tunnels: [tunnel.name] })
    for (const datagram of datagrams) file.addKept(datagram)
  }
  const until = options.seconds === undefined ? 'Ctrl-C ends' : `for ${options.seconds} s`
  terminal.err(`capturing ${tunnel.name} on ${device}, ${until}\n`)
  const drain = () => drainInto(file, opened)
  const draining = setInterval(drain, DRAIN_EVERY)
  const { keys } = paths
  const fetching =
    keys === undefined
      ? undefined
      : setInterval(() => void writeKeys(client, tunnel, keys).catch(() => {}), KEYS_EVERY)
  await ending(options.seconds)
  clearInterval(draining)
  clearInterval(fetching)
  drain()
  if (keys !== undefined) await writeKeys(client, tunnel, keys)
  const { lost } = opened.totals()
  opened.close()
  file.close()
  report(file, tunnel, paths, lost, options, terminal)
  return EXIT.ok
}

function drainInto(file: TunnelCaptureFile, source: PacketCapture): void {
  for (let packet = source.next(); packet !== undefined; packet = source.next()) {
    if (!isTunnelPacket(packet)) continue
    const at = source.capturedAt() ?? Date.now()
    for (const one of wirePackets(packet)) file.add(at, one)
  }
}

/** Ctrl-C, or the time that was said. */
function ending(seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      process.off('SIGINT', end)
      process.off('SIGTERM', end)
      resolve()
    }
    const timer = seconds === undefined ? undefined : setTimeout(end, seconds * 1_000)
    process.on('SIGINT', end)
    process.on('SIGTERM', end)
  })
}

function openCapture(
  device: string,
  tunnel: TunnelStatus,
  terminal: Terminal,
): PacketCapture | ExitCode {
  const peer = peerOf(tunnel)
  try {
    return PacketCapture.open(device, peer === undefined ? [] : peerFilter(peer), 'packets')
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    terminal.err(`causeway: ${error.message}\n`)
    if (!['EPERM', 'EACCES'].includes(error.name)) return EXIT.usage
    terminal.err(`  capturing needs CAP_NET_RAW:  sudo causeway capture ${tunnel.name}\n`)
    terminal.err(`  without it, what was kept:    causeway capture ${tunnel.name} --last\n`)
    return EXIT.permission
  }
}

/** Where the peer is; one that may be anywhere shows by its SA. */
function peerOf({ peer, ikeSas }: TunnelStatus): IpAddress | undefined {
  return (
    parseIp(peer) ??
    parseIp(
      ikeSas
        .at(-1)
        ?.remote.replace(/:\d+$/, '')
        .replace(/^\[|\]$/g, '') ?? '',
    )
  )
}

function deviceOf(local: string): string | undefined {
  const found = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ address }) => parseIp(address) === local),
  )
  return found?.[0]
}

function openFile(
  { name, local }: TunnelStatus,
  path: string,
  device: string,
  terminal: Terminal,
): TunnelCaptureFile | undefined {
  try {
    return new TunnelCaptureFile(path, name, local as IpAddress, device)
  } catch (error) {
    terminal.err(`causeway: ${messageOf(error)}\n`)
    return undefined
  }
}

function report(
  { packets, counts }: TunnelCaptureFile,
  { name }: TunnelStatus,
  { file, keys }: Paths,
  lost: number,
  { json }: CaptureOptions,
  terminal: Terminal,
): void {
  if (json === true) {
    terminal.out(
      `${JSON.stringify({ schema: 1, tunnel: name, file, keys, packets, counts, lost })}\n`,
    )
    return
  }
  const missed = lost === 0 ? '' : `, ${lost} lost because they came too fast`
  const lines = [
    `${file}: ${packets} packets, ${counts.ike} of IKE and ${counts.esp} of ESP${missed}`,
  ]
  if (keys === undefined) {
    lines.push(`  in words:   causeway explain ${file}`, `  Wireshark:  wireshark ${file}`)
  } else {
    lines.push(
      `  in words:   causeway explain ${file} --keys ${keys}`,
      `  Wireshark:  WIRESHARK_CONFIG_DIR=${keys} wireshark ${file}`,
      `  tshark:     WIRESHARK_CONFIG_DIR=${keys} tshark -r ${file} -V`,
      terminal.style(
        'red',
        `  ${keys} holds the keys of ${name}: who has them reads its traffic. Delete it soon.`,
      ),
    )
  }
  terminal.out(`${lines.join('\n')}\n`)
}
