import { hostname } from 'node:os'
import { hostFiles } from '#config/host-files'
import { loadConfig } from '#config/reader'
import { ControlClient, GatewayUnreachable } from '#control/client'
import type { StatusDocument } from '#control/status'
import { matchesName } from '#policy/name-pattern'
import { hostSteps } from './doctor-host.ts'
import { peerSteps } from './doctor-peer.ts'
import { type Subject, subjectsOfConfig, subjectsOfStatus, whereText } from './doctor-subject.ts'
import { trafficSteps } from './doctor-traffic.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, DEFAULT_CONTROL, namedControl } from './gateway-connection.ts'
import { type StepLine, stepLines } from './step-lines.ts'
import type { Terminal } from './terminal.ts'

export type DoctorOptions = { readonly json?: boolean; readonly config: string }

/** `causeway doctor`: everything around IKE, of one tunnel or of all, whether or not the gateway runs. Changes nothing. */
export async function doctor(
  terminal: Terminal,
  addressing: Addressing,
  names: readonly string[],
  { json = false, config }: DoctorOptions,
): Promise<ExitCode> {
  const status = await runningStatus(addressing)
  const all = status === undefined ? configured(config) : subjectsOfStatus(status)
  if (typeof all === 'string') {
    terminal.err(`causeway: no gateway answers, and ${all}\n  causeway check ${config}\n`)
    return EXIT.configuration
  }
  const unknown = names.filter((name) => !all.some((subject) => matchesName(name, subject.name)))
  if (unknown.length > 0) {
    terminal.err(`causeway: no tunnel is called ${unknown.join(', ')}\n`)
    return EXIT.usage
  }
  const subjects =
    names.length === 0 ? all : all.filter(({ name }) => names.some((one) => matchesName(one, name)))
  const local = [...new Set(subjects.map((subject) => subject.local))]
  const host = [...hostSteps(local, status?.gateway.pid), gatewayStep(status, config)]
  const tunnels = subjects.map((subject) => ({
    subject,
    steps: [...peerSteps(subject), ...trafficSteps(subject)],
  }))
  const wrong = [...host, ...tunnels.flatMap(({ steps }) => steps)].filter(
    ({ verdict }) => verdict === 'wrong',
  )
  if (json) {
    const document = {
      schema: 1,
      ok: wrong.length === 0,
      host,
      tunnels: tunnels.map(({ subject, steps }) => ({ name: subject.name, steps })),
    }
    terminal.out(`${JSON.stringify(document, null, 2)}\n`)
  } else {
    const lines = tunnels.flatMap(({ subject, steps }) => [
      '',
      `${subject.name}  ${subject.local} → ${whereText(subject)}${stateText(subject)}`,
      ...stepLines(steps, terminal),
    ])
    terminal.out(`${[...stepLines(host, terminal), ...lines].join('\n')}\n`)
  }
  return wrong.length === 0 ? EXIT.ok : EXIT.down
}

async function runningStatus(addressing: Addressing): Promise<StatusDocument | undefined> {
  let client: ControlClient | undefined
  try {
    client = await ControlClient.connect(namedControl(addressing) ?? DEFAULT_CONTROL)
    return await client.request({ command: 'status' })
  } catch (error) {
    if (error instanceof GatewayUnreachable) return undefined
    throw error
  } finally {
    client?.close()
  }
}

/** @returns why there is nothing to look at, as a sentence */
function configured(file: string): readonly Subject[] | string {
  const environment = { files: hostFiles, variables: process.env, hostName: hostname() }
  const { config } = loadConfig(file, environment)
  return config === undefined ? `${file} cannot be used` : subjectsOfConfig(config)
}

function gatewayStep(status: StatusDocument | undefined, config: string): StepLine {
  const label = 'gateway'
  if (status === undefined) {
    const text = `none runs; tunnels as in ${config}`
    return { label, verdict: 'note', text, fix: `causeway run -c ${config}` }
  }
  const { pid, configuration } = status.gateway
  if (configuration.refused === undefined)
    return { label, verdict: 'ok', text: `runs (pid ${pid})` }
  const text = `runs (pid ${pid}) with an older configuration: the last reload was refused`
  return { label, verdict: 'wrong', text, fix: `causeway check ${configuration.file}` }
}

function stateText({ running }: Subject): string {
  return running === undefined ? '' : `  ${running.state}`
}
