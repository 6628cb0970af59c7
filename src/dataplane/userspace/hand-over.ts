import type { DatagramSocket } from '#platform/datagram-socket'
import { duplicate } from '#platform/descriptor'
import type { SharedDevices } from './messages.ts'
import type { Tunnel } from './tunnel.ts'

/** Gives what one thread opened to another: each socket and device once, by a descriptor that the other owns from then on. */
export class HandOver {
  readonly #given = new WeakSet<object>()

  /** @throws SystemError when the process may have no more descriptors */
  devices(sockets: readonly DatagramSocket[], tunnels: readonly Tunnel[]): SharedDevices {
    return {
      sockets: sockets.map((socket) => ({ local: socket.local, ...this.#once(socket) })),
      tunnels: tunnels.map(({ settings, tun, offloads }) => ({
        name: settings.name,
        interfaceName: settings.interfaceName,
        index: tun.index,
        offloads,
        ...this.#once(tun),
      })),
    }
  }

  #once(one: { readonly fd: number }): { readonly fd?: number } {
    if (this.#given.has(one)) return {}
    const fd = duplicate(one.fd)
    this.#given.add(one)
    return { fd }
  }
}
