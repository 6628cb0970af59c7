import { accessSync, constants, existsSync } from 'node:fs'
import type { IpAddress } from '#bytes/ip'
import { effectiveCapabilities } from '#platform/capabilities'
import { clockState } from '#platform/clock'
import { SystemError } from '#platform/errno'
import { type PortHolder, udpPortHolders } from '#platform/port-holders'
import { forwardsPackets, readSysctl } from '#platform/sysctls'
import type { StepLine } from './step-lines.ts'

/** What a gateway needs of this host, whichever tunnel. `gatewayPid`: of the one that runs. */
export function hostSteps(
  local: readonly IpAddress[],
  gatewayPid: number | undefined,
): readonly StepLine[] {
  return [...kernelSteps(), ...socketSteps(local, gatewayPid), clockStep()]
}

function kernelSteps(): readonly StepLine[] {
  const filter = readSysctl('net.ipv4.conf.all.rp_filter') ?? 0
  const { netAdmin, netRaw } = effectiveCapabilities()
  const tun = tunProblem()
  const label = 'kernel'
  const privileged = netAdmin && netRaw
  const wrong: StepLine[] = [
    ...(tun === undefined ? [] : [{ label, verdict: 'wrong', ...tun } as const]),
    ...(forwardsPackets(4)
      ? []
      : [
          {
            label,
            verdict: 'wrong',
            text: 'forwarding is off: hosts behind this gateway are not served',
            fix: 'sysctl -w net.ipv4.ip_forward=1',
          } as const,
        ]),
    ...(filter === 1
      ? [
          {
            label,
            verdict: 'note',
            text: 'rp_filter=1 (strict) drops what does not come in by the way it would go out',
            fix: 'sysctl -w net.ipv4.conf.all.rp_filter=2',
          } as const,
        ]
      : []),
    ...(privileged
      ? []
      : [
          {
            label,
            verdict: 'note',
            text: 'this command has no CAP_NET_ADMIN and CAP_NET_RAW: it sees less',
            fix: 'sudo causeway doctor',
          } as const,
        ]),
  ]
  if (wrong.length > 0) return wrong
  const text = `/dev/net/tun, CAP_NET_ADMIN, ip_forward=1, rp_filter=${filter}`
  return [{ label, verdict: 'ok', text }]
}

function tunProblem(): { readonly text: string; readonly fix: string } | undefined {
  if (!existsSync('/dev/net/tun')) return { text: 'there is no /dev/net/tun', fix: 'modprobe tun' }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    return undefined
  } catch {
    return { text: 'no permission for /dev/net/tun', fix: 'sudo causeway doctor' }
  }
}

function socketSteps(
  local: readonly IpAddress[],
  gatewayPid: number | undefined,
): readonly StepLine[] {
  const label = 'sockets'
  const holders = [500, 4500].flatMap((port) => udpPortHolders(port))
  const strangers = holders.filter(
    (one) => gatewayPid !== undefined && one.pid !== gatewayPid && one.pid !== undefined,
  )
  if (gatewayPid === undefined) {
    const [holder] = holders
    if (holder === undefined) return [{ label, verdict: 'ok', text: 'UDP 500 and 4500 are free' }]
    return [{ label, verdict: 'wrong', text: takenText(holder), fix: fixFor(holder) }]
  }
  const missing = local.flatMap((address) =>
    [500, 4500]
      .filter((port) => !holders.some((one) => one.port === port && isOn(one.address, address)))
      .map((port) => `${address} port ${port}`),
  )
  const [stranger] = strangers
  return [
    ...(missing.length === 0
      ? [{ label, verdict: 'ok', text: `UDP 500 and 4500 bound on ${local.join(', ')}` } as const]
      : [
          {
            label,
            verdict: 'wrong',
            text: `the gateway has no socket on ${missing.join(', ')}`,
            fix: 'ss -ulpn',
          } as const,
        ]),
    ...(stranger === undefined
      ? []
      : [{ label, verdict: 'note', text: takenText(stranger), fix: fixFor(stranger) } as const]),
  ]
}

function isOn(bound: IpAddress, address: IpAddress): boolean {
  return bound === address || bound === '0.0.0.0' || bound === '::'
}

function takenText({ address, port, pid, process }: PortHolder): string {
  const who = pid === undefined ? 'another process' : `${process} (pid ${pid})`
  return `UDP ${port} on ${address} is taken by ${who}`
}

function fixFor({ pid, process }: PortHolder): string {
  if (process === 'charon') return 'systemctl disable --now strongswan'
  return pid === undefined ? 'sudo ss -ulpn' : `ps -fp ${pid}`
}

function clockStep(): StepLine {
  const label = 'clock'
  try {
    const { synchronised, maximumError } = clockState()
    if (synchronised) {
      const text = `synchronised, wrong by at most ${Math.max(1, Math.round(maximumError))} ms`
      return { label, verdict: 'ok', text }
    }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
  }
  const text = 'nobody keeps it: certificates are judged by it'
  return { label, verdict: 'note', text, fix: 'timedatectl set-ntp true' }
}
