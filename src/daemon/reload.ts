import type { Config } from '#config/config'
import type { DataPlane, DataPlaneSettings } from '#dataplane/port'
import { dataPlaneSettings } from './data-plane-settings.ts'

/** Replaces the running configuration by another; the engine takes it over by `configureEngine`. */
export type Replacement = {
  readonly from: Config | undefined
  readonly to: Config
  readonly dataPlane: Pick<DataPlane, 'configure'>
  readonly configureEngine: (config: Config) => void
}

/**
 * The order keeps traffic inside: new tunnels have their routes and policies, which hold packets back, before the engine
 * negotiates for them; tunnels that go keep theirs, and the sockets, until the engine has said its deletes. What is equal
 * in both is never touched. @throws what the data plane throws, after it has been put back.
 */
export async function replaceConfig({
  from,
  to,
  dataPlane,
  configureEngine,
}: Replacement): Promise<void> {
  const settings = dataPlaneSettings(to)
  const meanwhile = from === undefined ? settings : withDeparting(settings, dataPlaneSettings(from))
  try {
    await dataPlane.configure(meanwhile)
  } catch (error) {
    if (from !== undefined) await putBack(from, dataPlane, error)
    throw error
  }
  configureEngine(to)
  if (meanwhile !== settings) await dataPlane.configure(settings)
}

async function putBack(
  config: Config,
  dataPlane: Pick<DataPlane, 'configure'>,
  cause: unknown,
): Promise<void> {
  try {
    await dataPlane.configure(dataPlaneSettings(config))
  } catch (error) {
    const texts = [cause, error].map((one) => (one instanceof Error ? one.message : String(one)))
    throw new Error(`${texts[0]}; and what it was before could not be restored: ${texts[1]}`)
  }
}

/** `settings` and, until their peers have been told, what only `before` has. */
function withDeparting(settings: DataPlaneSettings, before: DataPlaneSettings): DataPlaneSettings {
  const names = new Set(settings.tunnels.map(({ name }) => name))
  const interfaces = new Set(settings.tunnels.map(({ interfaceName }) => interfaceName))
  const departing = before.tunnels.filter(
    ({ name, interfaceName }) => !names.has(name) && !interfaces.has(interfaceName),
  )
  const addresses = new Set([...settings.localAddresses, ...before.localAddresses])
  if (departing.length === 0 && addresses.size === settings.localAddresses.length) return settings
  return { localAddresses: [...addresses], tunnels: [...settings.tunnels, ...departing] }
}
