import { availableParallelism, hostname } from 'node:os'
import type { Environment } from '#config/files'
import { countProblems, formatProblems } from '#config/format-problems'
import { hostFiles } from '#config/host-files'
import { type LoadedConfig, loadConfig } from '#config/reader'
import { nodeCrypto } from '#crypto/node'
import { UserspaceDataPlane, workersFor } from '#dataplane/userspace/userspace-data-plane'
import { Engine } from '#ike/engine'
import { ikev1 } from '#ikev1/version'
import { type Ending, type RunOptions, runGateway } from './run.ts'
import type { Loaded } from './running-configuration.ts'

export type CausewayOptions = Pick<RunOptions, 'version' | 'file' | 'log' | 'wiresharkKeys'> & {
  /** Path of the control socket instead of the configured one. */
  readonly control: string | undefined
}

/** How `causeway run` ended; `invalid` with the problems as text. */
export type Outcome =
  | { readonly kind: Ending }
  | { readonly kind: 'invalid'; readonly problems: string }

/** The gateway with its real parts: engine, cryptography, data plane, files of this host. */
export async function runCauseway(options: CausewayOptions): Promise<Outcome> {
  const environment: Environment = {
    files: hostFiles,
    variables: process.env,
    hostName: hostname(),
  }
  const load = () => loaded(loadConfig(options.file, environment))
  const { config, problems } = load()
  if (config === undefined) return { kind: 'invalid', problems }
  if (problems !== '') process.stderr.write(`${problems}\n`)
  const control = options.control ?? config.gateway.control
  const peers = new Set(config.tunnels.map(({ peer, peerName }) => peerName?.name ?? peer)).size
  const workers = config.gateway.workers ?? workersFor(availableParallelism(), peers)
  let dataPlane: UserspaceDataPlane | undefined
  const kind = await runGateway(control, config, {
    ...options,
    load,
    engine: new Engine({
      versions: [ikev1],
      crypto: nodeCrypto,
      spiFor: (tunnel, drawn) => dataPlane?.spiFor(tunnel, drawn) ?? drawn,
    }),
    makeDataPlane: (onEvent, onWarning, onNotice) => {
      dataPlane = new UserspaceDataPlane({ onEvent, onWarning, onNotice, workers })
      return dataPlane
    },
  })
  return { kind }
}

function loaded({ config, problems, sources }: LoadedConfig): Loaded {
  const text =
    problems.length === 0 ? '' : `${formatProblems(problems, sources)}${countProblems(problems)}`
  const errors = problems.filter(({ severity }) => severity === 'error').length
  return { config, problems: text, errors }
}
